"""A private feed: the number of its present address, null for nobody's wish

Revision: 0038, after: 0037
"""
import sqlalchemy as sa
from alembic import op


revision = '0038'
down_revision = '0037'
branch_labels = None
depends_on = None
phase = 'expand'


def upgrade() -> None:
    op.add_column('subscriber', sa.Column('feed_number', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.execute('ALTER TABLE subscriber DROP COLUMN feed_number')
