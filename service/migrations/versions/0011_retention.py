"""Retention: final counts, sums a day, and on PostgreSQL a ledger in partitions

Revision: 0011, after: 0010
"""
import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

WIDTH = 1_000
INDEXES = {
    'pk_delivery': 'PRIMARY KEY (notification_id, destination_id)',
    'ix_delivery_batch_id': '(batch_id)',
    'ix_delivery_deferred': '(due_at) WHERE state = 2',
    'ix_delivery_destination_id': '(destination_id, notification_id)',
}
ARCHIVED = ('archived_at', 'cleared_at')


def upgrade() -> None:
    op.create_table('delivery_day',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('destination_kind', sa.String(length=8), nullable=False),
    sa.Column('lane', sa.String(length=64), nullable=False),
    sa.Column('state', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('count', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('day', 'kind', 'destination_kind', 'lane', 'state', name=op.f('pk_delivery_day'))
    )
    for name in ARCHIVED:
        op.add_column('notification', sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column('notification', sa.Column('final_counts', sa.JSON(), nullable=True))
    uncleared = sa.text('cleared_at IS NULL')
    op.create_index('ix_notification_uncleared', 'notification', ['id'],
                    sqlite_where=uncleared, postgresql_where=uncleared)
    if op.get_bind().dialect.name == 'postgresql':
        _part()


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        _join()
    uncleared = sa.text('cleared_at IS NULL')
    op.drop_index('ix_notification_uncleared', 'notification',
                  sqlite_where=uncleared, postgresql_where=uncleared)
    for name in ('final_counts', *ARCHIVED):
        op.drop_column('notification', name)  # no copy of the table: others refer to it
    op.drop_table('delivery_day')


# Not by a copy, which would take hours of a large ledger: the table that was there becomes the first
# partition, with its indexes. It holds every notification up to now.
def _part() -> None:
    op.execute('LOCK TABLE notification IN SHARE MODE')
    bound = op.get_bind().scalar(sa.text('SELECT coalesce(max(id), 0) FROM notification'))
    bound = (bound // WIDTH + 1) * WIDTH
    op.execute('ALTER TABLE delivery RENAME TO delivery_from_0')
    for name in INDEXES:
        op.execute(f'ALTER INDEX {name} RENAME TO {name.replace("delivery", "delivery_from_0")}')
    op.execute('CREATE TABLE delivery (LIKE delivery_from_0 INCLUDING DEFAULTS)'
               ' PARTITION BY RANGE (notification_id)')
    _index()
    op.execute(f'ALTER TABLE delivery ATTACH PARTITION delivery_from_0 FOR VALUES FROM (0) TO ({bound})')
    for lower in (bound, bound + WIDTH):
        op.execute(f'CREATE TABLE delivery_from_{lower} PARTITION OF delivery'
                   f' FOR VALUES FROM ({lower}) TO ({lower + WIDTH})')
    op.execute('CREATE TABLE delivery_default PARTITION OF delivery DEFAULT')


def _join() -> None:
    op.execute('ALTER TABLE delivery RENAME TO delivery_parted')
    for name in INDEXES:
        op.execute(f'ALTER INDEX {name} RENAME TO {name}_parted')
    op.execute('CREATE TABLE delivery (LIKE delivery_parted INCLUDING DEFAULTS)')
    op.execute('INSERT INTO delivery SELECT * FROM delivery_parted')
    op.execute('DROP TABLE delivery_parted')
    _index()


def _index() -> None:
    for name, what in INDEXES.items():
        if name.startswith('pk_'):
            op.execute(f'ALTER TABLE delivery ADD CONSTRAINT {name} {what}')
        else:
            op.execute(f'CREATE INDEX {name} ON delivery {what}')
