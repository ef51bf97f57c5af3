"""The WebSub hub: subscriptions of callbacks, the lists that their feeds join, and requests

Revision: 0037, after: 0036
"""
import sqlalchemy as sa
from alembic import op


revision = '0037'
down_revision = '0036'
branch_labels = None
depends_on = None
phase = 'expand'

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'websub_subscription',
        sa.Column('destination_id', BIG_ID, nullable=False),
        sa.Column('topic', sa.Text(), nullable=False),
        sa.Column('format', sa.String(8), nullable=False),
        sa.Column('host', sa.Text(), nullable=False),
        sa.Column('sealed_callback', sa.Text(), nullable=False),
        sa.Column('sealed_secret', sa.Text(), nullable=True),
        sa.Column('is_outside', sa.Boolean(), nullable=False),
        sa.Column('request_id', BIG_ID, nullable=False),
        sa.Column('verified_at', moment(), nullable=True),
        sa.Column('lease_until', moment(), nullable=True),
        sa.Column('ended_at', moment(), nullable=True),
        sa.Column('end_reason', sa.String(32), nullable=True),
        sa.Column('pushed_seq', BIG_ID, nullable=False),
        sa.Column('turn_until', moment(), nullable=True),
        sa.Column('rest_until', moment(), nullable=True),
        sa.Column('failures', sa.SmallInteger(), nullable=False),
        sa.Column('tried_at', moment(), nullable=True),
        sa.Column('last_answer', sa.String(120), nullable=False),
        sa.Column('created_at', moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_websub_subscription_destination_id'
        ),
        sa.PrimaryKeyConstraint('destination_id', name='pk_websub_subscription'),
    )
    live = sa.text('ended_at IS NULL')
    op.create_index(
        'ix_websub_subscription_live',
        'websub_subscription',
        ['lease_until'],
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_index('ix_websub_subscription_ended_at', 'websub_subscription', ['ended_at'])
    op.create_index('ix_websub_subscription_host', 'websub_subscription', ['host'])
    op.create_table(
        'websub_list',
        sa.Column('topic_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('place_id', BIG_ID, autoincrement=False, nullable=False),
        sa.Column('destination_id', BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_websub_list_destination_id'
        ),
        sa.PrimaryKeyConstraint(
            'topic_id', 'place_id', 'destination_id', name='pk_websub_list'
        ),
    )
    op.create_index('ix_websub_list_destination_id', 'websub_list', ['destination_id'])
    op.create_table(
        'websub_request',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('destination_id', BIG_ID, nullable=False),
        sa.Column('mode', sa.String(16), nullable=False),
        sa.Column('sealed_secret', sa.Text(), nullable=True),
        sa.Column('lease_s', BIG_ID, nullable=False),
        sa.Column('created_at', moment(), nullable=False),
        sa.Column('settled_at', moment(), nullable=True),
        sa.Column('outcome', sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(
            ['destination_id'], ['destination.id'], name='fk_websub_request_destination_id'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_websub_request'),
    )
    unsettled = sa.text('settled_at IS NULL')
    op.create_index(
        'ix_websub_request_open',
        'websub_request',
        ['destination_id'],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_index('ix_websub_request_settled_at', 'websub_request', ['settled_at'])


def downgrade() -> None:
    op.drop_table('websub_request')
    op.drop_table('websub_list')
    op.drop_table('websub_subscription')
