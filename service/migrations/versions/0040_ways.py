"""Channels that hear of urgent news alone, addresses that follow one another, tests and their answers

Revision: 0040, after: 0039
"""
import sqlalchemy as sa
from alembic import op


revision = '0040'
down_revision = '0039'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)
STANDS = sa.text('removed_at IS NULL')


def upgrade() -> None:
    op.add_column(
        'destination',
        sa.Column('is_urgent_only', sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column('channel', sa.Column('room_hash', sa.String(64)))
    for name in ('next_sealed_url', 'next_masked_url'):
        op.add_column('channel', sa.Column(name, sa.String(), nullable=False, server_default=''))
    op.add_column('channel', sa.Column('next_test_id', BIG_ID))
    op.add_column('channel', sa.Column('paused_at', MOMENT))
    op.create_index('uq_channel_room', 'channel', ['room_hash'], unique=True,
                    sqlite_where=STANDS, postgresql_where=STANDS)
    op.create_table(
        'channel_test',
        sa.Column('notification_id', BIG_ID, nullable=False, autoincrement=False),
        sa.Column('channel_id', BIG_ID, nullable=False),
        sa.Column('is_of_next', sa.Boolean(), nullable=False),
        sa.Column('asked_at', MOMENT, nullable=False),
        sa.Column('code', sa.String(16), nullable=False),
        sa.Column('said', sa.String(300), nullable=False),
        sa.Column('message_id', sa.String(300), nullable=False),
        sa.Column('took_ms', sa.Integer()),
        sa.Column('answered_at', MOMENT),
        sa.ForeignKeyConstraint(['channel_id'], ['channel.id'], name='fk_channel_test_channel_id'),
        sa.PrimaryKeyConstraint('notification_id', name='pk_channel_test'),
    )
    op.create_index('ix_channel_test_channel_id', 'channel_test', ['channel_id'])


def downgrade() -> None:
    op.drop_table('channel_test')
    op.drop_index('uq_channel_room', 'channel')
    for name in ('paused_at', 'next_test_id', 'next_masked_url', 'next_sealed_url', 'room_hash'):
        op.drop_column('channel', name)
    op.drop_column('destination', 'is_urgent_only')
