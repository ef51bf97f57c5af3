"""Pull, enrichment, corrections, approvals of urgent news

Revision: 0003, after: 0002
"""
import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
ACTIVE = sa.text("state = 'active'")
PENDING = sa.text("verdict = 'pending'")
LIVE_CORRECTION = sa.text("kind = 'correction' AND state = 'held'")


def upgrade() -> None:
    op.create_table('pull',
    sa.Column('source_id', BIG_ID, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('rules', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('baseline_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('polled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('etag', sa.String(), nullable=False),
    sa.Column('last_modified', sa.String(), nullable=False),
    sa.Column('modified_after', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('last_count', sa.Integer(), nullable=False),
    sa.Column('found', BIG_ID, nullable=False),
    sa.Column('missed', BIG_ID, nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_pull_source_id')),
    sa.PrimaryKeyConstraint('source_id', name=op.f('pk_pull'))
    )
    op.create_index('ix_pull_active', 'pull', ['due_at'], sqlite_where=ACTIVE, postgresql_where=ACTIVE)

    op.create_table('approval',
    sa.Column('notification_id', BIG_ID, nullable=False),
    sa.Column('staff_id', BIG_ID, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notification.id'], name=op.f('fk_approval_notification_id')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_approval_staff_id')),
    sa.PrimaryKeyConstraint('notification_id', 'staff_id', name=op.f('pk_approval'))
    )

    # Defaults stay in the database: the release before, which may still run, does not name these.
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.add_column(sa.Column('may_send_urgent', sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.add_column(sa.Column('missing_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.add_column(sa.Column('attempts', sa.SmallInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('due_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('rung_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE inbox SET due_at = received_at, rung_at = received_at WHERE verdict = 'pending'")
    op.create_index('ix_inbox_pending', 'inbox', ['due_at'], sqlite_where=PENDING, postgresql_where=PENDING)

    with op.batch_alter_table('notification', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision_id', BIG_ID, nullable=True))
        batch_op.add_column(sa.Column('breaks_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('uq_notification_correction', 'notification', ['article_id', 'revision_id'], unique=True,
                    sqlite_where=LIVE_CORRECTION, postgresql_where=LIVE_CORRECTION)


def downgrade() -> None:
    op.drop_index('uq_notification_correction', 'notification')
    with op.batch_alter_table('notification', schema=None) as batch_op:
        batch_op.drop_column('breaks_at')
        batch_op.drop_column('revision_id')

    op.drop_index('ix_inbox_pending', 'inbox')
    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.drop_column('rung_at')
        batch_op.drop_column('due_at')
        batch_op.drop_column('attempts')

    with op.batch_alter_table('article', schema=None) as batch_op:
        batch_op.drop_column('missing_at')

    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.drop_column('may_send_urgent')

    op.drop_table('approval')
    op.drop_table('pull')
