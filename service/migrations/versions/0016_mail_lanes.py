"""What is known of each mail lane: its links, whether it is closed, its day

Revision: 0016, after: 0015
"""
import sqlalchemy as sa
from alembic import op


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'mail_lane',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('links', sa.SmallInteger(), nullable=False),
        sa.Column('closed_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('closures', sa.SmallInteger(), nullable=False),
        sa.Column('reason', sa.String(length=300), nullable=False),
        sa.Column('day', sa.Date(), nullable=True),
        sa.Column('sent', sa.Integer(), nullable=False),
        sa.Column('sent_before', sa.Integer(), nullable=False),
        sa.Column('deferred', sa.Integer(), nullable=False),
        sa.Column('cap', sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_mail_lane')),
    )


def downgrade() -> None:
    op.drop_table('mail_lane')
