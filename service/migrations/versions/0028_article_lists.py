"""What the staff's list of articles filters by, and the events of one article

Revision: 0028, after: 0027
"""
import sqlalchemy as sa
from alembic import op


revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None

URGENT = sa.text('is_urgent')
WITHDRAWN = sa.text("state = 'withdrawn'")


def upgrade() -> None:
    op.create_index('ix_article_source_id_id', 'article', ['source_id', 'id'])
    op.create_index('ix_article_urgent', 'article', ['id'],
                    sqlite_where=URGENT, postgresql_where=URGENT)
    op.create_index('ix_article_withdrawn', 'article', ['id'],
                    sqlite_where=WITHDRAWN, postgresql_where=WITHDRAWN)
    op.create_index('ix_inbox_article_id', 'inbox', ['article_id'])


def downgrade() -> None:
    op.drop_index('ix_inbox_article_id', 'inbox')
    for name in ('withdrawn', 'urgent', 'source_id_id'):
        op.drop_index(f'ix_article_{name}', 'article')
