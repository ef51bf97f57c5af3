"""What staff said of topics, and what enough readers doubt, is found by an index

Revision: 0034, after: 0033
"""
import sqlalchemy as sa
from alembic import op


revision = '0034'
down_revision = '0033'
branch_labels = None
depends_on = None

OF_STAFF = sa.text("origin = 'staff'")
DOUBTED = sa.text('wrong_topic.count >= 3')


def upgrade() -> None:
    # The page of models counts the decisions to learn from, and training reads them.
    op.create_index('ix_topic_label_of_staff', 'topic_label', ['revision_id'],
                    sqlite_where=OF_STAFF, postgresql_where=OF_STAFF)
    # The review asks for these alone; most of what readers say is said by one of them.
    op.create_index('ix_wrong_topic_doubted', 'wrong_topic', ['revision_id'],
                    sqlite_where=DOUBTED, postgresql_where=DOUBTED)


def downgrade() -> None:
    op.drop_index('ix_wrong_topic_doubted', 'wrong_topic')
    op.drop_index('ix_topic_label_of_staff', 'topic_label')
