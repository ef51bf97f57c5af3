"""Rows in canonical form: the same on SQLite and PostgreSQL, for a file, a checksum or a copy.

Moments are UTC text with microseconds, flags are true or false, JSON is the very text that was
stored, bytes are base64. Nothing holds more than a few thousand rows at a time.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
import psycopg
from sqlalchemy import Connection

from service.copies.shape import Column, Kind, Shape

STEP = 2_000  # rows in memory
_DIGEST = 16
_ROUND = 1 << 8 * _DIGEST

Row = Sequence[Any]
Progress = Callable[[int], None]


_PLACE = re.compile(r"COPY \w+, line (\d+)(?:, column (\w+))?")


class Unfit(Exception):
    """A value that the other database cannot hold. The text never has the value: it may be an
    address."""


@dataclass
class Sum:
    """How many rows a table has, and a checksum that does not depend on their order: databases
    sort text differently. Each row is hashed (BLAKE2b, 128 bits), and the hashes are added up."""

    rows: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        digest = hashlib.blake2b(line, digest_size=_DIGEST).digest()
        self.total = (self.total + int.from_bytes(digest, "big")) % _ROUND
        self.rows += 1

    @property
    def checksum(self) -> str:
        return f"{self.total:0{2 * _DIGEST}x}"


def count(connection: Connection, shape: Shape) -> int:
    """How many rows a table has now."""
    found = connection.exec_driver_sql(f'SELECT count(*) FROM "{shape.name}"').scalar_one()  # noqa: S608
    return int(found)


def read(connection: Connection, shape: Shape) -> Generator[list[Any]]:
    """Every row of a table in canonical form, from one cursor that holds a few of them."""
    is_sqlite = connection.dialect.name == "sqlite"
    selected = ", ".join(f'"{c.name}"' if is_sqlite else _selected(c) for c in shape.columns)
    result = connection.exec_driver_sql(
        f'SELECT {selected} FROM "{shape.name}"',  # noqa: S608
        execution_options={"stream_results": True, "max_row_buffer": STEP},
    )
    changes = [
        (at, change)
        for at, column in enumerate(shape.columns)
        if (change := (_FROM_SQLITE if is_sqlite else _FROM_POSTGRES).get(column.kind))
    ]
    with result:
        for found in result:
            row = list(found)
            for at, change in changes:
                if row[at] is not None:
                    row[at] = _changed(shape, at, change, row[at])
            yield row


def _changed(shape: Shape, at: int, change: Callable[[Any], Any], value: Any) -> Any:
    try:
        return change(value)
    except (TypeError, ValueError):
        column = shape.columns[at]
        raise Unfit(f"{shape.name}.{column.name} holds what is no {column.kind}") from None


def as_line(row: Row) -> bytes:
    """A row as it stands in a backup, and as it is summed."""
    return orjson.dumps(row)


def write(connection: Connection, shape: Shape, rows: Iterable[Row]) -> None:
    """Insert canonical rows, a few at a time; the caller commits."""
    if connection.dialect.name == "sqlite":
        _insert(connection, shape, rows)
    else:
        _copy(connection, shape, rows)


def sums(connection: Connection, shape: Shape, on_progress: Progress) -> Sum:
    """Count and sum a table as it is now."""
    found = Sum()
    for row in read(connection, shape):
        found.add(as_line(row))
        if not found.rows % STEP:
            on_progress(STEP)
    on_progress(found.rows % STEP)
    return found


def _insert(connection: Connection, shape: Shape, rows: Iterable[Row]) -> None:
    marks = ", ".join("?" * len(shape.columns))
    statement = f'INSERT INTO "{shape.name}" ({shape.names}) VALUES ({marks})'  # noqa: S608
    binary = _places(shape, Kind.BYTES)
    source = iter(rows)
    while some := [_with_bytes(row, binary) for row in islice(source, STEP)]:
        connection.exec_driver_sql(statement, some)


def _copy(connection: Connection, shape: Shape, rows: Iterable[Row]) -> None:
    """By COPY, whose text form takes each canonical value as it is, but for zone and bytes."""
    moments, binary = _places(shape, Kind.MOMENT), _places(shape, Kind.BYTES)
    driver: Any = connection.connection.driver_connection
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f'COPY "{shape.name}" ({shape.names}) FROM STDIN') as copy,
        ):
            for row in rows:
                fit = list(_with_bytes(row, binary))
                for at in moments:
                    if fit[at] is not None:
                        fit[at] += "+00"
                if any(isinstance(value, str) and "\0" in value for value in fit):
                    raise Unfit(f"a row of {shape.name} holds a NUL, which PostgreSQL cannot store")
                copy.write_row(fit)
    except psycopg.DataError as error:
        raise Unfit(_told(shape, error)) from error


def _told(shape: Shape, error: psycopg.DataError) -> str:
    """Where PostgreSQL found what it cannot hold, and what is wrong with it."""
    what = (error.diag.message_primary or "cannot be stored").partition(': "')[0]
    if 'value "' in what:
        what = "value is out of range"
    place = _PLACE.search(error.diag.context or "")
    row, column = (place[1], place[2] or "") if place else ("?", "")
    return f"row {row} of {shape.name}{column and ', ' + column}: {what}"


def _places(shape: Shape, kind: Kind) -> list[int]:
    return [at for at, column in enumerate(shape.columns) if column.kind is kind]


def _with_bytes(row: Row, binary: Sequence[int]) -> tuple[Any, ...]:
    if not binary:
        return tuple(row)
    fit = list(row)
    for at in binary:
        if fit[at] is not None:
            fit[at] = base64.b64decode(fit[at])
    return tuple(fit)


def _selected(column: Column) -> str:
    """PostgreSQL says moments and JSON as text itself."""
    name = f'"{column.name}"'
    if column.kind is Kind.MOMENT:
        return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    if column.kind is Kind.DAY:
        return f"to_char({name}, 'YYYY-MM-DD')"
    return f"{name}::text" if column.kind is Kind.JSON else name


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _whole_moment(value: str) -> str:
    """SQLite's text is canonical but for a moment that was written without microseconds."""
    if len(value) == 26:
        return value
    return datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M:%S.%f")


_FROM_POSTGRES: dict[Kind, Callable[[Any], Any]] = {Kind.BYTES: _encoded}
_FROM_SQLITE: dict[Kind, Callable[[Any], Any]] = {
    Kind.BYTES: _encoded,
    Kind.FLAG: bool,
    Kind.MOMENT: _whole_moment,
    Kind.REAL: float,
}
