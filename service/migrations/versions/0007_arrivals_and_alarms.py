"""When an article was last heard of; alarms of a pull

Revision: 0007, after: 0006
"""
import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('article', sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('pull', sa.Column('fresh_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('pull', sa.Column('alarm', sa.String(length=16), nullable=True))
    op.add_column('pull', sa.Column('alarm_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('pull', sa.Column('alarm_text', sa.String(), nullable=True))
    op.execute("""
        UPDATE article SET heard_at = found.at
        FROM (SELECT article_id, max(received_at) AS at FROM inbox
              WHERE verdict IN ('accepted', 'unchanged', 'quarantined')
              GROUP BY article_id) AS found
        WHERE found.article_id = article.id
    """)
    op.execute("UPDATE pull SET fresh_at = polled_at WHERE baseline_at IS NOT NULL")


def downgrade() -> None:
    for name in ('alarm_text', 'alarm_at', 'alarm', 'fresh_at'):
        op.drop_column('pull', name)
    op.drop_column('article', 'heard_at')
