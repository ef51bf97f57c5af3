"""Personal chat targets, the claims that prove them, and how far a bot's inbox was read

Revision: 0022, after: 0021
"""
import sqlalchemy as sa
from alembic import op


revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'chat_target',
        sa.Column('destination_id', BIG, nullable=False),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('sealed_address', sa.String(), nullable=False),
        sa.Column('label', sa.String(100), nullable=False),
        sa.Column('ended_at', MOMENT),
        sa.Column('end_reason', sa.String(32)),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_chat_target_destination_id'
        ),
        sa.PrimaryKeyConstraint('destination_id', name='pk_chat_target'),
    )
    op.create_table(
        'chat_claim',
        sa.Column('id', BIG, nullable=False),
        sa.Column('subscriber_id', BIG, nullable=False),
        sa.Column('destination_id', BIG),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('label', sa.String(100), nullable=False),
        sa.Column('salt', sa.BigInteger(), nullable=False),
        sa.Column('guesses', sa.SmallInteger(), nullable=False),
        sa.Column('text_hash', sa.String(64), nullable=False),
        sa.Column('language', sa.String(8), nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('used_at', MOMENT),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['subscriber_id'], ['subscriber.id'], name='fk_chat_claim_subscriber_id'
        ),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_chat_claim_destination_id'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_chat_claim'),
    )
    for name in ('subscriber_id', 'destination_id', 'expires_at'):
        op.create_index(f'ix_chat_claim_{name}', 'chat_claim', [name])
    op.create_table(
        'chat_inbox',
        sa.Column('bot', sa.String(32), nullable=False),
        sa.Column('next_offset', sa.BigInteger(), nullable=False),
        sa.Column('read_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('bot', name='pk_chat_inbox'),
    )


def downgrade() -> None:
    op.drop_table('chat_inbox')
    op.drop_table('chat_claim')
    op.drop_table('chat_target')
