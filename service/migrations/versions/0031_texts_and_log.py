"""Letters' templates in versions, the log of acts append-only, and indexes of what staff look up

Revision: 0031, after: 0030
"""
import sqlalchemy as sa
from alembic import op


revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime(timezone=True)

# Only these may change: the subject to nothing (erasing), and the place in the chain of a row from
# before there was one. Whoever may drop triggers may still tamper; the chain finds that.
_SAME = ('id', 'staff_id', 'via', 'act', 'object_id', 'request_id', 'at')
SQLITE = (
    f"""
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN NOT (
        {' AND '.join(f'NEW.{name} IS OLD.{name}' for name in (*_SAME, 'detail'))}
        AND (OLD.number IS NULL OR (NEW.number IS OLD.number AND NEW.mac IS OLD.mac))
        AND (NEW.subject = '' OR NEW.subject IS OLD.subject)
    ) BEGIN SELECT RAISE(ABORT, 'the log of acts is append-only'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the log of acts is append-only'); END
    """,
)
POSTGRESQL = (
    f"""
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF {' AND '.join(f'NEW.{name} IS NOT DISTINCT FROM OLD.{name}' for name in _SAME)}
               AND NEW.detail::text IS NOT DISTINCT FROM OLD.detail::text
               AND (OLD.number IS NULL OR (NEW.number = OLD.number AND NEW.mac = OLD.mac))
               AND (NEW.subject = '' OR NEW.subject = OLD.subject)
            THEN RETURN NEW; END IF;
        END IF;
        RAISE EXCEPTION 'the log of acts is append-only';
    END $$
    """,
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
)


def upgrade() -> None:
    op.create_table(
        'template_version',
        sa.Column('id', BIG, nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('text', sa.Text()),
        sa.Column('reason', sa.String(200), nullable=False),
        sa.Column('published_at', MOMENT, nullable=False),
        sa.Column('published_by', BIG, nullable=False),
        sa.ForeignKeyConstraint(['published_by'], ['staff.id'],
                                name='fk_template_version_published_by'),
        sa.PrimaryKeyConstraint('id', name='pk_template_version'),
        sa.UniqueConstraint('name', 'version', name='uq_template_version_name_version'),
    )
    op.create_table(
        'template_draft',
        sa.Column('id', BIG, nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('staff_id', BIG, nullable=False),
        sa.Column('base', sa.Integer(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name='fk_template_draft_staff_id'),
        sa.PrimaryKeyConstraint('id', name='pk_template_draft'),
        sa.UniqueConstraint('name', 'staff_id', name='uq_template_draft_name_staff_id'),
    )
    # The log's filters read newest first: by act, and by noun and object through the index there is.
    op.create_index('ix_audit_act_id', 'audit', ['act', 'id'])
    op.create_index('ix_job_staff_id', 'job', ['staff_id', 'id'])
    for statement in SQLITE if op.get_bind().dialect.name == 'sqlite' else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute('DROP TRIGGER audit_no_update')
        op.execute('DROP TRIGGER audit_no_delete')
    else:
        for name in ('update', 'delete', 'truncate'):
            op.execute(f'DROP TRIGGER audit_no_{name} ON audit')
        op.execute('DROP FUNCTION audit_is_append_only()')
    op.drop_index('ix_job_staff_id', 'job')
    op.drop_index('ix_audit_act_id', 'audit')
    op.drop_table('template_draft')
    op.drop_table('template_version')
