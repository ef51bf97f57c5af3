"""Imports that can be undone; suppressions by reason and age, bounces by age

Revision: 0032, after: 0031
"""
import sqlalchemy as sa
from alembic import op


revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'import_run',
        sa.Column('id', BIG, nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('origin', sa.String(200), nullable=False),
        sa.Column('evidence', sa.String(500), nullable=False),
        sa.Column('check_job_id', BIG),
        sa.Column('store_job_id', BIG),
        sa.Column('undo_job_id', BIG),
        sa.Column('report', sa.JSON(), nullable=False),
        sa.Column('result', sa.JSON(), nullable=False),
        sa.Column('undone', sa.JSON(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('dropped_at', MOMENT),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_import_run_staff_id'),
        sa.ForeignKeyConstraint(['check_job_id'], ['job.id'], name='fk_import_run_check_job_id'),
        sa.ForeignKeyConstraint(['store_job_id'], ['job.id'], name='fk_import_run_store_job_id'),
        sa.ForeignKeyConstraint(['undo_job_id'], ['job.id'], name='fk_import_run_undo_job_id'),
        sa.PrimaryKeyConstraint('id', name='pk_import_run'),
    )
    op.create_index('ix_import_run_created_at', 'import_run', ['created_at'])
    op.create_table(
        'import_entry',
        sa.Column('import_id', BIG, nullable=False),
        sa.Column('destination_id', BIG, nullable=False),
        sa.Column('piece', BIG, nullable=False),
        sa.Column('before', sa.String(16), nullable=False),
        sa.Column('subscriptions', sa.JSON(), nullable=False),
        sa.Column('token_id', BIG),
        sa.Column('letter_id', BIG),
        sa.ForeignKeyConstraint(['import_id'], ['import_run.id'],
                                name='fk_import_entry_import_id'),
        # In this order: an undo walks the addresses of one import.
        sa.PrimaryKeyConstraint('import_id', 'destination_id', 'piece', name='pk_import_entry'),
    )
    # How many there are for each reason is read from the index alone; so are the newest ones.
    op.create_index('ix_suppression_reason', 'suppression', ['reason'])
    op.create_index('ix_suppression_at', 'suppression', ['at', 'address_hash'])
    # The newest of all lanes and domains, page by page.
    op.create_index('ix_bounce_at', 'bounce', ['at', 'id'])


def downgrade() -> None:
    op.drop_index('ix_bounce_at', 'bounce')
    op.drop_index('ix_suppression_at', 'suppression')
    op.drop_index('ix_suppression_reason', 'suppression')
    op.drop_table('import_entry')
    op.drop_table('import_run')
