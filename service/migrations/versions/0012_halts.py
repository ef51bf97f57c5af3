"""Halts: pause, cancel, resume, resend what is missing

Revision: 0012, after: 0011
"""
import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

LIVE_PAUSE = sa.text("kind = 'pause' AND ended_at IS NULL")
CANCELS = sa.text("kind = 'cancel'")
HELD = sa.text("held_at IS NOT NULL")


def upgrade() -> None:
    op.create_table('halt',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('scope', sa.String(length=8), nullable=False),
    sa.Column('object_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_halt_staff_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_halt'))
    )
    op.create_index('uq_halt_live_pause', 'halt', ['scope', 'object_id'], unique=True, sqlite_where=LIVE_PAUSE, postgresql_where=LIVE_PAUSE)
    op.create_index('ix_halt_cancel', 'halt', ['at'], sqlite_where=CANCELS, postgresql_where=CANCELS)
    op.add_column('batch', sa.Column('held_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_batch_held', 'batch', ['id'], sqlite_where=HELD, postgresql_where=HELD)
    op.add_column('notification', sa.Column('resend', sa.String(length=8), nullable=True))
    op.add_column('notification', sa.Column('resent_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ('resent_at', 'resend'):
        op.drop_column('notification', column)  # no copy of the table: others refer to it
    op.drop_index('ix_batch_held', 'batch', sqlite_where=HELD, postgresql_where=HELD)
    op.drop_column('batch', 'held_at')
    op.drop_table('halt')
