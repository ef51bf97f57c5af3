"""Versions of topics and districts, drafts, decisions of the review and their undoing

Revision: 0029, after: 0028
"""
import sqlalchemy as sa
from alembic import op


revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)
OPEN_DRAFT = sa.text('published_as IS NULL AND discarded_at IS NULL')


def upgrade() -> None:
    op.create_table(
        'taxonomy_version',
        sa.Column('id', BIG, nullable=False),
        sa.Column('kind', sa.String(8), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('content', sa.JSON(), nullable=False),
        sa.Column('changes', sa.JSON(), nullable=False),
        sa.Column('reason', sa.String(500), nullable=False),
        sa.Column('staff_id', BIG),
        sa.Column('published_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_taxonomy_version_staff_id'),
        sa.PrimaryKeyConstraint('id', name='pk_taxonomy_version'),
        sa.UniqueConstraint('kind', 'number', name='uq_taxonomy_version_kind_number'),
    )
    op.create_table(
        'topic_draft',
        sa.Column('id', BIG, nullable=False),
        sa.Column('base', sa.Integer(), nullable=False),
        sa.Column('content', sa.JSON(), nullable=False),
        sa.Column('changes', sa.JSON(), nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('job_id', BIG),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('published_as', sa.Integer()),
        sa.Column('discarded_at', MOMENT),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_topic_draft_staff_id'),
        sa.ForeignKeyConstraint(['job_id'], ['job.id'], name='fk_topic_draft_job_id'),
        sa.PrimaryKeyConstraint('id', name='pk_topic_draft'),
    )
    # The drafts that wait: a handful among all that ever were.
    op.create_index('ix_topic_draft_open', 'topic_draft', ['id'],
                    sqlite_where=OPEN_DRAFT, postgresql_where=OPEN_DRAFT)
    op.create_table(
        'review_decision',
        sa.Column('id', BIG, nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('article_id', BIG, nullable=False),
        sa.Column('topic_id', BIG),
        sa.Column('decision', sa.String(8), nullable=False),
        sa.Column('before', sa.JSON(), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('undone_at', MOMENT),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_review_decision_staff_id'),
        sa.ForeignKeyConstraint(
            ['article_id'], ['article.id'], name='fk_review_decision_article_id'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_review_decision'),
    )
    # The last decision of somebody, which they may undo; the last about an article.
    op.create_index('ix_review_decision_staff_id', 'review_decision', ['staff_id', 'id'])
    op.create_index('ix_review_decision_article_id', 'review_decision', ['article_id', 'id'])
    with op.batch_alter_table('place') as place:
        place.add_column(sa.Column('aliases', sa.JSON()))
        place.add_column(sa.Column('neighbourhoods', sa.JSON()))
        place.add_column(
            sa.Column('is_on', sa.Boolean(), nullable=False, server_default=sa.true())
        )
    with op.batch_alter_table('place') as place:
        place.alter_column('is_on', server_default=None)
    op.add_column('story_link', sa.Column('kept_at', MOMENT))
    # The newest links: what the review asks about, and what the list shows.
    op.create_index('ix_story_link_linked_at', 'story_link', ['linked_at'])
    op.add_column('learning', sa.Column('asked_at', MOMENT))


def downgrade() -> None:
    op.drop_column('learning', 'asked_at')
    op.drop_index('ix_story_link_linked_at', 'story_link')
    op.drop_column('story_link', 'kept_at')
    with op.batch_alter_table('place') as place:
        for name in ('is_on', 'neighbourhoods', 'aliases'):
            place.drop_column(name)
    for name in ('review_decision', 'topic_draft', 'taxonomy_version'):
        op.drop_table(name)
