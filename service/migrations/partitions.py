"""What a comparison of models and database must not see: the partitions, which come and go, and the
full-text tables, which each database makes in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

FULL_TEXT = "listing_words"  # and what FTS5 keeps beside it
PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
""")


def whole_tables(connection: Connection) -> Callable[[str | None, str, Any], bool]:
    """Alembic's filter of names: false for partitions of other tables, and for full texts."""
    hidden: set[str] = set()
    if connection.dialect.name == "postgresql":
        hidden = set(connection.execute(PARTITIONS).scalars())

    def is_whole(name: str | None, type_: str, _parents: Any) -> bool:
        return type_ != "table" or not (name in hidden or (name or "").startswith(FULL_TEXT))

    return is_whole
