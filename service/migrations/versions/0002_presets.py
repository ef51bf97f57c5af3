"""What foreign CMSs need: schemes, rotation, other names of articles

Revision: 0002, after: 0001
"""
import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Defaults stay in the database: the release before, which may still run, does not name these.
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.add_column(sa.Column('scheme', sa.String(length=32), nullable=False, server_default='standard'))
        batch_op.add_column(sa.Column('sealed_previous_secret', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('previous_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('last_matched', sa.String(length=16), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('identifier', sa.String(length=255), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('base_url', sa.String(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('api_url', sa.String(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('sealed_token', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('rate_per_minute', sa.Integer(), nullable=False, server_default='600'))

    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.add_column(sa.Column('headers', sa.JSON(), nullable=True))

    op.create_table('article_alias',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('value', sa.String(length=500), nullable=False),
    sa.Column('article_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['article_id'], ['article.id'], name=op.f('fk_article_alias_article_id')),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_article_alias_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_article_alias')),
    sa.UniqueConstraint('source_id', 'kind', 'value', name=op.f('uq_article_alias_source_id_kind_value'))
    )
    with op.batch_alter_table('article_alias', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_article_alias_article_id'), ['article_id'], unique=False)


def downgrade() -> None:
    op.drop_table('article_alias')
    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.drop_column('headers')

    with op.batch_alter_table('source', schema=None) as batch_op:
        for name in ('rate_per_minute', 'sealed_token', 'api_url', 'base_url', 'identifier',
                     'last_matched', 'previous_until', 'sealed_previous_secret', 'scheme'):
            batch_op.drop_column(name)
