"""When an article was last heard of

Revision: 0007, after: 0006
"""
import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.add_column(sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        UPDATE article SET heard_at = found.at
        FROM (SELECT article_id, max(received_at) AS at FROM inbox
              WHERE verdict IN ('accepted', 'unchanged', 'quarantined')
              GROUP BY article_id) AS found
        WHERE found.article_id = article.id
    """)


def downgrade() -> None:
    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.drop_column('heard_at')
