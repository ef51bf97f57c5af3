"""Feeds of every combination: a stamp for each list, and lists of what concerns the whole city

Revision: 0035, after: 0034
"""
import sqlalchemy as sa
from alembic import op


revision = '0035'
down_revision = '0034'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
NO_PLACE = """
    FROM listing l WHERE l.place_id = 0
      AND NOT EXISTS (SELECT 1 FROM listing o WHERE o.article_id = l.article_id AND o.place_id > 0)
"""


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'feed_stamp',
        sa.Column('topic_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('place_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('seq', BIG_ID, nullable=False),
        sa.Column('at', moment(), nullable=False),
        sa.PrimaryKeyConstraint('topic_id', 'place_id', name='pk_feed_stamp'),
    )
    op.create_table(
        'feed_departure',
        sa.Column('topic_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('place_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('article_id', BIG_ID, nullable=False),
        sa.Column('seq', BIG_ID, nullable=False),
        sa.Column('at', moment(), nullable=False),
        sa.ForeignKeyConstraint(['article_id'], ['article.id'], name='fk_feed_departure_article_id'),
        sa.PrimaryKeyConstraint('topic_id', 'place_id', 'article_id', name='pk_feed_departure'),
    )
    op.create_index('ix_feed_departure_article_id', 'feed_departure', ['article_id'])
    op.create_index('ix_feed_departure_at', 'feed_departure', ['at'])
    op.execute(
        'INSERT INTO listing (topic_id, place_id, position, article_id)'
        f' SELECT l.topic_id, -1, l.position, l.article_id {NO_PLACE}'
    )
    op.execute("""
        INSERT INTO feed_stamp (topic_id, place_id, seq, at)
        SELECT l.topic_id, l.place_id, max(a.feed_seq), max(coalesce(a.feed_at, a.created_at))
        FROM listing l JOIN article a ON a.id = l.article_id
        WHERE a.feed_seq IS NOT NULL GROUP BY l.topic_id, l.place_id
    """)
    op.execute('ALTER TABLE topic DROP COLUMN feed_seq')  # each topic's stamp has it now


def downgrade() -> None:
    op.add_column('topic', sa.Column('feed_seq', BIG_ID, server_default='0', nullable=False))
    op.execute("""
        UPDATE topic SET feed_seq = coalesce(
            (SELECT seq FROM feed_stamp s WHERE s.topic_id = topic.id AND s.place_id = 0), 0)
    """)
    op.execute('DELETE FROM listing WHERE place_id = -1')
    op.drop_table('feed_departure')
    op.drop_table('feed_stamp')
