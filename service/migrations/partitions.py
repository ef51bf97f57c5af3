"""What a comparison of models and database must not see: the partitions, which come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
""")


def whole_tables(connection: Connection) -> Callable[[str | None, str, Any], bool]:
    """Alembic's filter of names: false for each table that is a partition of another one."""
    hidden: set[str] = set()
    if connection.dialect.name == "postgresql":
        hidden = set(connection.execute(PARTITIONS).scalars())

    def is_whole(name: str | None, type_: str, _parents: Any) -> bool:
        return type_ != "table" or name not in hidden

    return is_whole
