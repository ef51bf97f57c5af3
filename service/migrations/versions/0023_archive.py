"""The archive that people read: its lists, and the words to search for

Revision: 0023, after: 0022
"""
import sqlalchemy as sa
from alembic import op


revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

# Words come folded and cut already: nothing is left for a tokenizer to do.
FTS5 = """
    CREATE VIRTUAL TABLE listing_words USING fts5(
        words, detail = none, columnsize = 0, tokenize = "ascii tokenchars '_'")
"""


def upgrade() -> None:
    op.create_table(
        'listing',
        sa.Column('topic_id', BIG, nullable=False),
        sa.Column('place_id', BIG, nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.Column('article_id', BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ['article_id'], ['article.id'], name=op.f('fk_listing_article_id_article')
        ),
        sa.PrimaryKeyConstraint('topic_id', 'place_id', 'position', name=op.f('pk_listing')),
    )
    op.create_index(op.f('ix_listing_article_id'), 'listing', ['article_id'])
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(FTS5)
        return
    op.execute('CREATE TABLE listing_words (position bigint PRIMARY KEY, words tsvector NOT NULL)')
    op.execute('CREATE INDEX ix_listing_words ON listing_words USING gin (words)')


def downgrade() -> None:
    op.drop_table('listing_words')
    op.drop_table('listing')
