"""A reader's break, and subscriptions to the news of a place alone

Revision: 0017, after: 0016
"""
import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

OLD = ['topic_id', 'destination_id', 'place_id', 'frequency']


def upgrade() -> None:
    op.add_column('destination', sa.Column('paused_until', sa.DateTime(timezone=True)))
    op.add_column(
        'subscription',
        sa.Column('is_local_only', sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.drop_index('ix_subscription_match', 'subscription')
    _index([*OLD, 'is_local_only'])


def downgrade() -> None:
    op.drop_index('ix_subscription_match', 'subscription')
    _index(OLD)
    op.drop_column('subscription', 'is_local_only')
    op.drop_column('destination', 'paused_until')


def _index(columns: list[str]) -> None:
    op.create_index(
        'ix_subscription_match',
        'subscription',
        columns,
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
        postgresql_include=['id'],
    )
