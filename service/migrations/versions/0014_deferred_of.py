"""Which notifications have deferred deliveries

Revision: 0014, after: 0013
"""
import sqlalchemy as sa
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

DEFERRED = sa.text('state = 2')


def upgrade() -> None:
    op.create_index(
        'ix_delivery_deferred_of',
        'delivery',
        ['notification_id'],
        sqlite_where=DEFERRED,
        postgresql_where=DEFERRED,
    )


def downgrade() -> None:
    op.drop_index('ix_delivery_deferred_of', 'delivery')
