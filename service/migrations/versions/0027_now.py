"""Pauses of mail lanes, and the way to events that failed

Revision: 0027, after: 0026
"""
import sqlalchemy as sa
from alembic import op


revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

FAILED = sa.text("verdict = 'failed'")


def upgrade() -> None:
    # A lane has a name and no number; its pause is found by the checksum of that name.
    with op.batch_alter_table('halt') as halt:
        halt.add_column(sa.Column('lane', sa.String(64), nullable=False, server_default=''))
    with op.batch_alter_table('halt') as halt:
        halt.alter_column('lane', server_default=None)
    # What was given up of the inbox, newest first, however many events came in well.
    op.create_index('ix_inbox_failed', 'inbox', ['id'],
                    sqlite_where=FAILED, postgresql_where=FAILED)


def downgrade() -> None:
    op.drop_index('ix_inbox_failed', 'inbox')
    op.execute("DELETE FROM halt WHERE scope = 'lane'")
    with op.batch_alter_table('halt') as halt:
        halt.drop_column('lane')
