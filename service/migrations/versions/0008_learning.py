"""Learning and stories

Revision: 0008, after: 0007
"""
import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

PARTIAL = (
    ('topic_label', 'ix_topic_label_review', 'revision_id', sa.text("state = 'review'")),
    ('revision', 'ix_revision_quarantined', 'article_id', sa.text("state = 'quarantined'")),
)


def upgrade() -> None:
    op.create_table('archive_text',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('external_id', sa.String(length=200), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('body_text', sa.String(), nullable=False),
    sa.Column('topics', sa.JSON(), nullable=True),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_archive_text')),
    sa.UniqueConstraint('external_id', name=op.f('uq_archive_text_external_id'))
    )
    op.create_table('learning',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('is_held', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_learning'))
    )
    op.create_table('model_version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('examples', sa.Integer(), nullable=False),
    sa.Column('report', sa.JSON(), nullable=False),
    sa.Column('trained_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('promoted_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_version'))
    )
    with op.batch_alter_table('model_version', schema=None) as batch_op:
        batch_op.create_index('uq_model_version_active', ['state'], unique=True, sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.create_table('story_link',
    sa.Column('article_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('earlier_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('evidence', sa.JSON(), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('split_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_story_link_article_id')),
    sa.ForeignKeyConstraint(['earlier_id'], ['article.id'], name=op.f('fk_story_link_earlier_id')),
    sa.PrimaryKeyConstraint('article_id', 'earlier_id', name=op.f('pk_story_link'))
    )
    with op.batch_alter_table('story_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_story_link_earlier_id'), ['earlier_id'], unique=False)

    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.create_index('ix_article_public', ['published_at'], unique=False, sqlite_where=sa.text("state = 'published'"), postgresql_where=sa.text("state = 'published'"))

    with op.batch_alter_table('topic', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sections', sa.JSON(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('publish', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('review', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('created_at', sa.DateTime(timezone=True), nullable=True))

    op.add_column('revision', sa.Column(
        'is_sound', sa.Boolean(), nullable=False, server_default=sa.false()))
    for table, name, column, where in PARTIAL:
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table, name, _, where in PARTIAL:
        op.drop_index(name, table, sqlite_where=where, postgresql_where=where)
    op.drop_column('revision', 'is_sound')

    for column in ('created_at', 'review', 'publish', 'sections'):
        op.drop_column('topic', column)  # no copy of the table: others refer to it

    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.drop_index('ix_article_public', sqlite_where=sa.text("state = 'published'"), postgresql_where=sa.text("state = 'published'"))

    with op.batch_alter_table('story_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_story_link_earlier_id'))

    op.drop_table('story_link')
    with op.batch_alter_table('model_version', schema=None) as batch_op:
        batch_op.drop_index('uq_model_version_active', sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'"))

    op.drop_table('model_version')
    op.drop_table('learning')
    op.drop_table('archive_text')
