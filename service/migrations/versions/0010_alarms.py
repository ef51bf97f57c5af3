"""Alarms, and attempts of what is given up some day

Revision: 0010, after: 0009
"""
import sqlalchemy as sa
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

LIVE = sa.text('cleared_at IS NULL')


def upgrade() -> None:
    op.create_table('alarm',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('object_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('text', sa.String(length=500), nullable=False),
    sa.Column('raised_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cleared_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alarm'))
    )
    op.create_index('uq_alarm_live', 'alarm', ['kind', 'object_id'], unique=True,
                    sqlite_where=LIVE, postgresql_where=LIVE)
    for table in ('revision', 'notification'):
        op.add_column(table, sa.Column(
            'attempts', sa.SmallInteger(), nullable=False, server_default='0'))
    op.add_column('revision', sa.Column('failure', sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column('revision', 'failure')
    for table in ('notification', 'revision'):
        op.drop_column(table, 'attempts')  # no copy of the table: others refer to it
    op.drop_index('uq_alarm_live', 'alarm', sqlite_where=LIVE, postgresql_where=LIVE)
    op.drop_table('alarm')
