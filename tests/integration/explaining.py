"""What SQLite says it will do for each statement: which tables it reads from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def explained(engine: Engine) -> Iterator[list[str]]:
    """The steps of all statements that run meanwhile, each with its statement behind it.

    Of SQLite alone: PostgreSQL chooses by what tables hold, and in a test they hold nothing.
    """
    steps: list[str] = []

    def explain(
        connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool
    ) -> None:
        if not is_many and statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            steps.extend(f"{row[-1]}: {' '.join(statement.split())}" for row in cursor.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    yield steps
    event.remove(engine, "before_cursor_execute", explain)
