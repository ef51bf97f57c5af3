"""Numbers of one-time links are never given twice, on SQLite either

A link that was mailed carries its row's number. SQLite gives the highest number out again once
its row is deleted, and an old link would have opened what another one was made for. Nobody knows
any more how many a used database has given: it numbers on far beyond what it still holds.

Revision: 0043, after: 0042
"""
from alembic import op


revision = '0043'
down_revision = '0042'
branch_labels = None
depends_on = None
phase = 'expand'

AHEAD = 1_000_000

def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('token', recreate='always', table_kwargs={'sqlite_autoincrement': True}):
            pass
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'token'")
        op.execute(
            'INSERT INTO sqlite_sequence (name, seq) '
            f"SELECT 'token', {AHEAD} + (SELECT coalesce(max(id), 0) FROM token) "
            'WHERE EXISTS (SELECT 1 FROM destination)'
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('token', recreate='always'):
            pass
