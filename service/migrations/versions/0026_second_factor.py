"""The last code of a second factor that was used, and at most one break-glass account

Revision: 0026, after: 0025
"""
import sqlalchemy as sa
from alembic import op


revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
BREAK_GLASS = sa.text('is_break_glass')


def upgrade() -> None:
    with op.batch_alter_table('staff') as staff:
        staff.add_column(sa.Column('totp_step', BIG))
    op.create_index('uq_staff_break_glass', 'staff', ['is_break_glass'], unique=True,
                    sqlite_where=BREAK_GLASS, postgresql_where=BREAK_GLASS)


def downgrade() -> None:
    op.drop_index('uq_staff_break_glass', 'staff')
    with op.batch_alter_table('staff') as staff:
        staff.drop_column('totp_step')
