"""Versions of notices, erasures, what readers say of topics, and how a consent ended

Revision: 0021, after: 0020
"""
import sqlalchemy as sa
from alembic import op


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('notice_text',
    sa.Column('id', big, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('text_hash', sa.String(length=64), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_by', big, nullable=True),
    sa.ForeignKeyConstraint(['published_by'], ['staff.id'],
                            name=op.f('fk_notice_text_published_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_text')),
    sa.UniqueConstraint('kind', 'language', 'version',
                        name=op.f('uq_notice_text_kind_language_version'))
    )
    op.create_index(op.f('ix_notice_text_text_hash'), 'notice_text', ['text_hash'])
    op.create_table('erasure',
    sa.Column('address_hash', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address_hash', name=op.f('pk_erasure'))
    )
    op.create_index(op.f('ix_erasure_at'), 'erasure', ['at'])
    op.create_table('wrong_topic',
    sa.Column('revision_id', big, nullable=False),
    sa.Column('topic_id', big, nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['revision_id'], ['revision.id'],
                            name=op.f('fk_wrong_topic_revision_id')),
    sa.ForeignKeyConstraint(['topic_id'], ['topic.id'], name=op.f('fk_wrong_topic_topic_id')),
    sa.PrimaryKeyConstraint('revision_id', 'topic_id', 'kind', name=op.f('pk_wrong_topic'))
    )
    # All subscriptions of a person, ended ones too: for exports, erasing, and what may be forgotten.
    op.create_index(op.f('ix_subscription_destination_id'), 'subscription', ['destination_id'])
    op.add_column(
        'consent', sa.Column('channel', sa.String(32), nullable=False, server_default='email')
    )
    op.add_column('consent', sa.Column('how', sa.String(32), nullable=False, server_default=''))
    op.add_column('consent', sa.Column('notice_version', sa.Integer()))
    # Until now the origin of a withdrawal was how it came about.
    op.execute("UPDATE consent SET how = substr(origin, 1, 32) WHERE act = 'withdrawn'")


def downgrade() -> None:
    for name in ('notice_version', 'how', 'channel'):
        op.drop_column('consent', name)
    op.drop_index(op.f('ix_subscription_destination_id'), 'subscription')
    for name in ('wrong_topic', 'erasure', 'notice_text'):
        op.drop_table(name)
