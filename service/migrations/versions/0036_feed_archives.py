"""Archives of the feeds: months that are closed, and what each of them held

Revision: 0036, after: 0035
"""
import sqlalchemy as sa
from alembic import op


revision = '0036'
down_revision = '0035'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'archive_month',
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('start', sa.BigInteger(), nullable=False),
        sa.Column('until', sa.BigInteger(), nullable=False),
        sa.Column('since_seq', BIG_ID, nullable=False),
        sa.Column('cursor', sa.BigInteger(), nullable=False),
        sa.Column('begun_at', moment(), nullable=False),
        sa.Column('closed_seq', BIG_ID, nullable=True),
        sa.Column('closed_at', moment(), nullable=True),
        sa.Column('changed_seq', BIG_ID, nullable=True),
        sa.Column('changed_at', moment(), nullable=True),
        sa.PrimaryKeyConstraint('number', name='pk_archive_month'),
    )
    op.create_index('ix_archive_month_changed_seq', 'archive_month', ['changed_seq'])
    op.create_table(
        'archived_entry',
        sa.Column('topic_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('place_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('month', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('article_id', BIG_ID, nullable=False),
        sa.Column('revision_id', BIG_ID, nullable=False),
        sa.Column('updated_at', moment(), nullable=False),
        sa.ForeignKeyConstraint(['month'], ['archive_month.number'], name='fk_archived_entry_month'),
        sa.ForeignKeyConstraint(['article_id'], ['article.id'], name='fk_archived_entry_article_id'),
        sa.ForeignKeyConstraint(['revision_id'], ['revision.id'], name='fk_archived_entry_revision_id'),
        sa.PrimaryKeyConstraint('topic_id', 'place_id', 'month', 'position', name='pk_archived_entry'),
    )
    op.create_index('ix_archived_entry_article_id', 'archived_entry', ['article_id'])
    op.add_column('article', sa.Column('feed_revision_id', BIG_ID, nullable=True))
    op.add_column('article', sa.Column('feed_updated_at', moment(), nullable=True))
    op.execute('UPDATE article SET feed_revision_id = shown_revision_id WHERE feed_seq IS NOT NULL')
    op.add_column('listing', sa.Column('seq', BIG_ID, server_default='0', nullable=False))
    op.execute("""
        UPDATE listing SET seq = coalesce(
            (SELECT a.feed_seq FROM article a WHERE a.id = listing.article_id), 0)
    """)
    op.create_index('ix_listing_topic_id_place_id_seq', 'listing', ['topic_id', 'place_id', 'seq'])


def downgrade() -> None:
    op.drop_index('ix_listing_topic_id_place_id_seq', table_name='listing')
    op.execute('ALTER TABLE listing DROP COLUMN seq')
    op.execute('ALTER TABLE article DROP COLUMN feed_updated_at')
    op.execute('ALTER TABLE article DROP COLUMN feed_revision_id')
    op.drop_table('archived_entry')
    op.drop_table('archive_month')
