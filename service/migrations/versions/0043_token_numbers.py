"""Numbers of one-time links are never given twice, on SQLite either

A link that was mailed carries its row's number. SQLite gives the highest number out again once
its row is deleted, and an old link would have opened what another one was made for.

Revision: 0043, after: 0042
"""
from alembic import op


revision = '0043'
down_revision = '0042'
branch_labels = None
depends_on = None
phase = 'expand'


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('token', recreate='always', table_kwargs={'sqlite_autoincrement': True}):
            pass


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('token', recreate='always'):
            pass
