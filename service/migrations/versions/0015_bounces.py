"""Bounces and complaints

Revision: 0015, after: 0014
"""
import sqlalchemy as sa
from alembic import op


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('bounce',
    sa.Column('id', big, nullable=False),
    sa.Column('notification_id', big, nullable=False),
    sa.Column('destination_id', big, nullable=False),
    sa.Column('verdict', sa.String(length=16), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('detail', sa.String(length=200), nullable=False),
    sa.Column('lane', sa.String(length=64), nullable=False),
    sa.Column('domain', sa.String(length=255), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('forgiven_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bounce')),
    sa.UniqueConstraint('notification_id', 'destination_id', 'verdict',
                        name=op.f('uq_bounce_notification_id_destination_id_verdict'))
    )
    op.create_index('ix_bounce_destination', 'bounce', ['destination_id', 'at'])
    op.create_index('ix_bounce_lane', 'bounce', ['lane', 'at'])
    op.create_index('ix_bounce_domain', 'bounce', ['domain', 'at'])


def downgrade() -> None:
    op.drop_table('bounce')
