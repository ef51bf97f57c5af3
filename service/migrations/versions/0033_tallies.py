"""Tallies of notifications, and counts a day of deliveries, delays, readers and bounces

Revision: 0033, after: 0032
"""
import sqlalchemy as sa
from alembic import op


revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)
STATES = ('queued', 'sent', 'deferred', 'rejected', 'unknown', 'suppressed', 'cancelled')
UNTALLIED = sa.text(
    "state IN ('done', 'cancelled') AND archived_at IS NULL AND (tallied_end IS NULL"
    " OR tallied_end <> coalesce(done_at, stopped_at, created_at))"
)


def upgrade() -> None:
    op.add_column('notification', sa.Column('tallied_end', MOMENT))
    # What is over and was not counted yet: found by the task that counts, and empty behind it.
    op.create_index('ix_notification_untallied', 'notification', ['id'],
                    sqlite_where=UNTALLIED, postgresql_where=UNTALLIED)
    op.create_table(
        'tally',
        sa.Column('notification_id', BIG, nullable=False, autoincrement=False),
        sa.Column('counted_at', MOMENT, nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        *(sa.Column(name, BIG, nullable=False) for name in STATES),
        sa.Column('cells', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('notification_id', name='pk_tally'),
    )
    op.create_table(
        'tally_day',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('destination_kind', sa.String(8), nullable=False),
        sa.Column('lane', sa.String(64), nullable=False),
        sa.Column('state', sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column('count', BIG, nullable=False),
        sa.PrimaryKeyConstraint('day', 'kind', 'destination_kind', 'lane', 'state',
                                name='pk_tally_day'),
    )
    op.create_table(
        'delay_day',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('destination_kind', sa.String(8), nullable=False),
        sa.Column('lane', sa.String(64), nullable=False),
        sa.Column('bucket', sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column('count', BIG, nullable=False),
        sa.PrimaryKeyConstraint('day', 'destination_kind', 'lane', 'bucket', name='pk_delay_day'),
    )
    op.create_table(
        'reader_day',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('figure', sa.String(16), nullable=False),
        sa.Column('key', sa.String(64), nullable=False),
        sa.Column('count', BIG, nullable=False),
        sa.Column('counted_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('day', 'figure', 'key', name='pk_reader_day'),
    )
    op.create_table(
        'bounce_day',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('domain', sa.String(255), nullable=False),
        sa.Column('verdict', sa.String(16), nullable=False),
        sa.Column('count', BIG, nullable=False),
        sa.PrimaryKeyConstraint('day', 'domain', 'verdict', name='pk_bounce_day'),
    )


def downgrade() -> None:
    for name in ('bounce_day', 'reader_day', 'delay_day', 'tally_day', 'tally'):
        op.drop_table(name)
    op.drop_index('ix_notification_untallied', 'notification')
    op.drop_column('notification', 'tallied_end')
