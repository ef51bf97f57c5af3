"""Quiet hours of a destination

Revision: 0013, after: 0012
"""
import sqlalchemy as sa
from alembic import op


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('destination', sa.Column('quiet_from', sa.SmallInteger(), nullable=True))
    op.add_column('destination', sa.Column('quiet_until', sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('destination', 'quiet_until')
    op.drop_column('destination', 'quiet_from')
