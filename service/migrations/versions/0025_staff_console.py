"""The chain of acts, jobs, API keys, and what signing in with a second factor needs

Revision: 0025, after: 0024
"""
import sqlalchemy as sa
from alembic import op


revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)
UNFINISHED_JOB = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    _chain()
    with op.batch_alter_table('staff') as staff:
        staff.add_column(sa.Column('tf_primary_method', sa.String(64)))
        staff.add_column(sa.Column('tf_totp_secret', sa.String(255)))
        staff.add_column(sa.Column('mf_recovery_codes', sa.JSON()))
        staff.add_column(sa.Column('oidc_subject', sa.String(255)))
        staff.add_column(
            sa.Column('is_break_glass', sa.Boolean(), nullable=False, server_default=sa.false())
        )
        staff.add_column(sa.Column('last_sign_in_at', MOMENT))
        staff.create_unique_constraint('uq_staff_oidc_subject', ['oidc_subject'])
    with op.batch_alter_table('staff') as staff:
        staff.alter_column('is_break_glass', server_default=None)
    op.create_table(
        'staff_topic',
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('topic_id', BIG, nullable=False),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_staff_topic_staff_id'),
        sa.ForeignKeyConstraint(['topic_id'], ['topic.id'], name='fk_staff_topic_topic_id'),
        sa.PrimaryKeyConstraint('staff_id', 'topic_id', name='pk_staff_topic'),
    )
    op.create_table(
        'api_key',
        sa.Column('id', BIG, nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('name', sa.String(100), nullable=False),
        sa.Column('prefix', sa.String(16), nullable=False),
        sa.Column('key_hash', sa.String(64), nullable=False),
        sa.Column('powers', sa.JSON(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('last_used_at', MOMENT),
        sa.Column('revoked_at', MOMENT),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_api_key_staff_id'),
        sa.PrimaryKeyConstraint('id', name='pk_api_key'),
        sa.UniqueConstraint('key_hash', name='uq_api_key_key_hash'),
    )
    op.create_index('ix_api_key_staff_id', 'api_key', ['staff_id'])
    _jobs()


def _chain() -> None:
    with op.batch_alter_table('audit') as audit:
        audit.add_column(sa.Column('number', BIG))
        audit.add_column(sa.Column('via', sa.String(8), nullable=False, server_default='cli'))
        audit.add_column(sa.Column('subject', sa.String(64), nullable=False, server_default=''))
        audit.add_column(sa.Column('mac', sa.String(64), nullable=False, server_default=''))
        audit.create_unique_constraint('uq_audit_number', ['number'])
    with op.batch_alter_table('audit') as audit:
        for name in ('via', 'subject', 'mac'):
            audit.alter_column(name, server_default=None)
    op.create_index('ix_audit_act_object_id', 'audit', ['act', 'object_id'])
    op.create_index('ix_audit_staff_id', 'audit', ['staff_id', 'id'])
    op.create_index('ix_audit_subject', 'audit', ['subject'])
    op.create_table(
        'audit_head',
        sa.Column('id', BIG, nullable=False),
        sa.Column('number', BIG, nullable=False),
        sa.Column('mac', sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_audit_head'),
    )
    op.execute("INSERT INTO audit_head (id, number, mac) VALUES (1, 0, '')")
    _move_lifted_hashes()


def _move_lifted_hashes() -> None:
    """Of the lines that name whose suppression was lifted: the hash moves where it can go."""
    table = sa.table(
        'audit', sa.column('id'), sa.column('act'), sa.column('subject'),
        sa.column('detail', sa.JSON()),
    )
    bind = op.get_bind()
    lifted = sa.select(table.c.id, table.c.detail).where(table.c.act == 'suppression.lift')
    for entry_id, detail in bind.execute(lifted).all():
        kept = {name: value for name, value in (detail or {}).items() if name != 'hash'}
        bind.execute(
            table.update().where(table.c.id == entry_id)
            .values(subject=(detail or {}).get('hash', ''), detail=kept)
        )


def _jobs() -> None:
    op.create_table(
        'job',
        sa.Column('id', BIG, nullable=False),
        sa.Column('kind', sa.String(32), nullable=False),
        sa.Column('state', sa.String(16), nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('params', sa.JSON(), nullable=False),
        sa.Column('cursor', sa.JSON(), nullable=False),
        sa.Column('total', BIG),
        sa.Column('done', BIG, nullable=False),
        sa.Column('result', sa.JSON(), nullable=False),
        sa.Column('error', sa.String(500), nullable=False),
        sa.Column('lease', sa.String(32)),
        sa.Column('due_at', MOMENT, nullable=False),
        sa.Column('rung_at', MOMENT, nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('is_cancelling', sa.Boolean(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('started_at', MOMENT),
        sa.Column('ended_at', MOMENT),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_job_staff_id'),
        sa.PrimaryKeyConstraint('id', name='pk_job'),
    )
    op.create_index('ix_job_unfinished', 'job', ['due_at'],
                    sqlite_where=UNFINISHED_JOB, postgresql_where=UNFINISHED_JOB)
    op.create_table(
        'job_file',
        sa.Column('job_id', BIG, nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('media_type', sa.String(64), nullable=False),
        sa.Column('sealed', sa.LargeBinary(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['job.id'], name='fk_job_file_job_id'),
        sa.PrimaryKeyConstraint('job_id', 'name', name='pk_job_file'),
    )


def downgrade() -> None:
    op.drop_table('job_file')
    op.drop_table('job')
    op.drop_table('api_key')
    op.drop_table('staff_topic')
    with op.batch_alter_table('staff') as staff:
        staff.drop_constraint('uq_staff_oidc_subject', type_='unique')
        for name in ('last_sign_in_at', 'is_break_glass', 'oidc_subject', 'mf_recovery_codes',
                     'tf_totp_secret', 'tf_primary_method'):
            staff.drop_column(name)
    op.drop_table('audit_head')
    for name in ('subject', 'staff_id', 'act_object_id'):
        op.drop_index(f'ix_audit_{name}', 'audit')
    with op.batch_alter_table('audit') as audit:
        audit.drop_constraint('uq_audit_number', type_='unique')
        for name in ('mac', 'subject', 'via', 'number'):
            audit.drop_column(name)
