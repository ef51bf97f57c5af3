"""Items of pulled listings; lease and ring of a pull

Revision: 0004, after: 0003
"""
import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('pull_item',
    sa.Column('source_id', BIG_ID, nullable=False),
    sa.Column('key', sa.String(length=500), nullable=False),
    sa.Column('article_id', BIG_ID, nullable=True),
    sa.Column('is_news', sa.Boolean(), nullable=True),
    sa.Column('version', sa.String(length=64), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_pull_item_article_id')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_pull_item_source_id')),
    sa.PrimaryKeyConstraint('source_id', 'key', name=op.f('pk_pull_item'))
    )
    op.create_index('ix_pull_item_article_id', 'pull_item', ['article_id'])
    with op.batch_alter_table('pull', schema=None) as batch_op:
        batch_op.add_column(sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('rung_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('pull', schema=None) as batch_op:
        batch_op.drop_column('rung_at')
        batch_op.drop_column('leased_until')
    op.drop_table('pull_item')
