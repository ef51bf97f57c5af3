"""Secrets of webhooks, and how long an answer took

Revision: 0041, after: 0039
"""
import sqlalchemy as sa
from alembic import op


revision = '0041'
down_revision = '0040'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'webhook_key',
        sa.Column('channel_id', BIG_ID, nullable=False),
        sa.Column('sealed', sa.String(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('sealed_before', sa.String(), nullable=True),
        sa.Column('before_until', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['channel_id'], ['channel.id'], name='fk_webhook_key_channel_id'),
        sa.PrimaryKeyConstraint('channel_id', name='pk_webhook_key'),
    )
    op.add_column('delivery_answer', sa.Column('took_ms', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.execute('ALTER TABLE delivery_answer DROP COLUMN took_ms')
    op.drop_table('webhook_key')
