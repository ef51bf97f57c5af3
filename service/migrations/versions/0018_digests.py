"""Digests: their runs, what they may tell, and what each reader was told

Revision: 0018, after: 0017
"""
import re

import sqlalchemy as sa
from alembic import op


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
PARTITIONS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'delivery'::regclass ORDER BY c.oid
"""


DEFERRED = sa.text('state = 2')


def upgrade() -> None:
    _index_deferred(['due_at', 'destination_id'])
    op.create_table('digest_run',
    sa.Column('id', ID, nullable=False),
    sa.Column('frequency', sa.String(length=8), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('from_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('notification_id', ID, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notification.id'], name=op.f('fk_digest_run_notification_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_digest_run')),
    sa.UniqueConstraint('frequency', 'day', name=op.f('uq_digest_run_frequency_day')),
    sa.UniqueConstraint('notification_id', name=op.f('uq_digest_run_notification_id'))
    )
    op.create_table('digest_article',
    sa.Column('notification_id', ID, nullable=False),
    sa.Column('article_id', ID, nullable=False),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_digest_article_article_id')),
    sa.ForeignKeyConstraint(['notification_id'], ['notification.id'], name=op.f('fk_digest_article_notification_id')),
    sa.PrimaryKeyConstraint('notification_id', 'article_id', name=op.f('pk_digest_article'))
    )
    op.create_index(op.f('ix_digest_article_article_id'), 'digest_article', ['article_id'])
    op.create_table('digest_item',
    sa.Column('notification_id', ID, autoincrement=False, nullable=False),
    sa.Column('destination_id', ID, autoincrement=False, nullable=False),
    sa.Column('article_id', ID, autoincrement=False, nullable=False),
    sa.Column('revision_id', ID, nullable=True),
    sa.Column('subscription_id', ID, nullable=True),
    sa.PrimaryKeyConstraint('notification_id', 'destination_id', 'article_id', name=op.f('pk_digest_item')),
    sqlite_with_rowid=False,
    postgresql_partition_by='RANGE (notification_id)'
    )
    if op.get_bind().dialect.name == 'postgresql':
        _part_like_deliveries()


def downgrade() -> None:
    _index_deferred(['due_at'])
    op.drop_table('digest_item')
    op.drop_index(op.f('ix_digest_article_article_id'), 'digest_article')
    op.drop_table('digest_article')
    op.drop_table('digest_run')


def _index_deferred(columns: list[str]) -> None:
    op.drop_index('ix_delivery_deferred', 'delivery')
    op.create_index('ix_delivery_deferred', 'delivery', columns,
                    sqlite_where=DEFERRED, postgresql_where=DEFERRED)


def _part_like_deliveries() -> None:
    for name, bound in op.get_bind().execute(sa.text(PARTITIONS)).all():
        name = re.sub('^delivery', 'digest_item', name)
        op.execute(f'CREATE TABLE {name} PARTITION OF digest_item {bound}')
