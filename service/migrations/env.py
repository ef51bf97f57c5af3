"""Alembic's entry: runs the migrations on the connection that `upgrade` hands over."""

from alembic import context

import service.models  # noqa: F401  the models register themselves
from service.db import Base
from service.migrations.foreign_keys import unchecked
from service.migrations.partitions import whole_tables

connection = context.config.attributes["connection"]
with unchecked(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=whole_tables(connection),
    )
    with context.begin_transaction():
        context.run_migrations()
