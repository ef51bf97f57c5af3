"""The revision that an unanswered try may have brought

Revision: 0005, after: 0004
"""
import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


# Never by a copy of the table: that would take hours of a large ledger, and WITHOUT ROWID with it.
def upgrade() -> None:
    op.add_column('delivery', sa.Column('maybe_revision_id', BIG_ID, nullable=True))


def downgrade() -> None:
    op.drop_column('delivery', 'maybe_revision_id')
