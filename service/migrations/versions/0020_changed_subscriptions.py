"""What a changed subscription still owes its reader

Revision: 0020, after: 0019
"""
import sqlalchemy as sa
from alembic import op


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('subscription', sa.Column('changed_from', sa.String(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column('subscription', 'changed_from')
