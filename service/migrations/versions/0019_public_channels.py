"""Where citizens can join a channel of the city

Revision: 0019, after: 0018
"""
import sqlalchemy as sa
from alembic import op


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'channel', sa.Column('public_url', sa.String(), nullable=False, server_default='')
    )


def downgrade() -> None:
    op.drop_column('channel', 'public_url')
