"""Rows of several tables in one go, on the shortest way that each database has.

PostgreSQL takes all of them as JSON in one statement, which is one trip; SQLite, where nothing
travels, takes them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection

Row: TypeAlias = Mapping[str, Any]
Columns: TypeAlias = tuple[str, ...]


def insert(connection: Connection, tables: Mapping[str, Sequence[Row]]) -> None:
    """Insert the rows of each table, which all name the same columns; at least one in the last.

    Tables come in an order that fits what refers to what. PostgreSQL nonetheless inserts the rows
    of the last one first: where others insert them first too, nobody waits in a circle.
    """
    filled = {table: rows for table, rows in tables.items() if rows}
    shape = tuple((table, tuple(rows[0])) for table, rows in filled.items())
    if connection.dialect.name == "sqlite":
        for table, columns in shape:
            rows = [tuple(map(_plain, row.values())) for row in filled[table]]
            connection.exec_driver_sql(_row_by_row(table, columns), rows)
    else:
        texts = {table: orjson.dumps(rows).decode() for table, rows in filled.items()}
        connection.exec_driver_sql(_at_once(shape), texts)


def _plain(value: Any) -> Any:
    """SQLite knows no JSON of its own."""
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


# Table and column names below are ours; no value becomes part of a statement.


@lru_cache
def _row_by_row(table: str, columns: Columns) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


@lru_cache
def _at_once(shape: tuple[tuple[str, Columns], ...]) -> str:
    """Whoever counts the rows that a part returned waits until it is done; references are checked
    at the end of the whole statement."""
    *others, (last, columns) = shape
    parts = [f"first AS ({_from_json(last, columns)} RETURNING 1)"]
    parts += [
        f"{table}_rows AS ({_from_json(table, columns)} WHERE (SELECT count(*) FROM first) > 0)"  # noqa: S608
        for table, columns in others
    ]
    return f"WITH {', '.join(parts)} SELECT"


def _from_json(table: str, columns: Columns) -> str:
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names})"  # noqa: S608
        f" SELECT {names} FROM json_populate_recordset(NULL::{table}, %({table})s)"
    )
