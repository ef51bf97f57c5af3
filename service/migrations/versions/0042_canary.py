"""Canaries, and what proved that they heard

Revision: 0042, after: 0041
"""
import sqlalchemy as sa
from alembic import op


revision = '0042'
down_revision = '0041'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'canary',
        sa.Column('kind', sa.String(8), nullable=False),
        sa.Column('destination_id', BIG_ID, nullable=True),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('said', sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_canary_destination_id'
        ),
        sa.PrimaryKeyConstraint('kind', name='pk_canary'),
        sa.UniqueConstraint('destination_id', name='uq_canary_destination_id'),
    )
    op.create_table(
        'canary_proof',
        sa.Column('kind', sa.String(8), nullable=False),
        sa.Column('notification_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('released_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('proved_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('missed_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('kind', 'notification_id', name='pk_canary_proof'),
    )
    op.create_index('ix_canary_proof_released_at', 'canary_proof', ['released_at'])


def downgrade() -> None:
    op.drop_table('canary_proof')
    op.drop_table('canary')
