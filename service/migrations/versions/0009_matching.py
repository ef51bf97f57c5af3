"""An index that planning walks: who asked for a topic, in order of destination

Revision: 0009, after: 0008
"""
import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        'ix_subscription_match',
        'subscription',
        ['topic_id', 'destination_id', 'place_id', 'frequency'],
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
        postgresql_include=['id'],
    )


def downgrade() -> None:
    op.drop_index('ix_subscription_match', 'subscription')
