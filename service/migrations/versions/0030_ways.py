"""Channels that were removed, and what staff look up of the inbox

Revision: 0030, after: 0029
"""
import sqlalchemy as sa
from alembic import op


revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('channel', sa.Column('removed_at', sa.DateTime(timezone=True)))
    # The newest of a source by verdict, and how many of each since yesterday, without a walk
    # through its whole inbox.
    op.create_index('ix_inbox_looked_at', 'inbox', ['source_id', 'verdict', 'received_at', 'id'])


def downgrade() -> None:
    op.drop_index('ix_inbox_looked_at', 'inbox')
    op.drop_column('channel', 'removed_at')
