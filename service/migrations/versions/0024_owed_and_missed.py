"""Who is still owed by a summary, and since when somebody takes a break

Revision: 0024, after: 0023
"""
import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

OWED = 'ended_at IS NULL AND changed_from IS NOT NULL'


def upgrade() -> None:
    op.create_index(
        'ix_subscription_owed',
        'subscription',
        ['changed_from', 'created_at'],
        sqlite_where=sa.text(OWED),
        postgresql_where=sa.text(OWED),
    )
    op.add_column('destination', sa.Column('paused_from', sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column('destination', 'paused_from')
    op.drop_index('ix_subscription_owed', 'subscription')
