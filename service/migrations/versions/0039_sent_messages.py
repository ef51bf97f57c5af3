"""Chat messages that can be corrected in place, by the number that their service gave them

Revision: 0039, after: 0038
"""
import sqlalchemy as sa
from alembic import op


revision = '0039'
down_revision = '0038'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'sent_message',
        sa.Column('destination_id', BIG_ID, nullable=False),
        sa.Column('article_id', BIG_ID, nullable=False),
        sa.Column('place', sa.String(length=64), nullable=False),
        sa.Column('message_id', sa.String(length=300), nullable=False),
        sa.Column('revision_id', BIG_ID, nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['article_id'], ['article.id'], name='fk_sent_message_article_id'),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_sent_message_destination_id'
        ),
        sa.PrimaryKeyConstraint('destination_id', 'article_id', name='pk_sent_message'),
    )
    op.create_index('ix_sent_message_article_id', 'sent_message', ['article_id'])
    op.create_index('ix_sent_message_at', 'sent_message', ['at'])


def downgrade() -> None:
    op.drop_table('sent_message')
