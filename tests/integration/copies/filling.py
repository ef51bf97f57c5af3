"""A database that holds every table non-empty, with values that are hard to carry."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Integer,
    LargeBinary,
    Table,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from service import models
from service.db import Base, Moment

TEXTS = (
    "",
    "İstanbul’dan IĞDIR’a: ışık",
    "tab\there, line\nhere, back\\slash, \\N, 'quotes' \"two\"",
    "🚌 emoji and \u2028 a separator, \x01 a control",
    "percent %s %% and {braces}",
)
NESTED = {"ş": [1, 2.5, None, True, "\u0000 escaped", {}], "z": 1, "a": "order stays"}
TRIES = 10
EPOCH = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


def fill(connection: Connection, rows: int = 3, seed: int = 1) -> None:
    """Add rows to each table of the models; they make no sense but to foreign keys."""
    assert models.Article.metadata is Base.metadata
    chance = random.Random(seed)
    for table in Base.metadata.sorted_tables:
        parents: dict[str, list[Any]] = {
            column.name: list(connection.execute(select(key.column)).scalars())
            for column in table.columns
            for key in column.foreign_keys
        }
        for number in range(1, rows + 1):
            _add(connection, table, number, parents, chance)


def _add(
    connection: Connection,
    table: Table,
    number: int,
    parents: dict[str, list[Any]],
    chance: random.Random,
) -> None:
    """What breaks a unique index of the table is drawn again; there may be room for one row."""
    for _ in range(TRIES):
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(table).values(_row(table, number, parents, chance)))
            return


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table of the models has."""
    found: defaultdict[str, int] = defaultdict(int)
    for table in Base.metadata.sorted_tables:
        found[table.name] = len(connection.execute(select(*table.primary_key.columns)).all())
    return found


def contents(connection: Connection, table: Table) -> list[str]:
    """Every row as the models read it, in an order that does not depend on the database."""
    columns = sorted(table.columns, key=lambda column: column.name)
    return sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))


def _row(
    table: Table, number: int, parents: dict[str, list[Any]], chance: random.Random
) -> dict[str, Any]:
    return {
        column.name: (
            parents[column.name][-min(number, len(parents[column.name]))]
            if parents.get(column.name)
            else _value(column, number, chance)
        )
        for column in table.columns
    }


def _value(column: Column[Any], number: int, chance: random.Random) -> Any:
    of_type = column.type
    if column.nullable and not column.primary_key and chance.random() < 0.3:
        return None
    if isinstance(of_type, Boolean):
        return chance.random() < 0.5
    if isinstance(of_type, Moment):
        return EPOCH + timedelta(days=number, microseconds=chance.choice((0, 1, 999_999, 120_000)))
    if isinstance(of_type, Date):
        return date(2026, 2, number)
    if isinstance(of_type, JSON):
        return chance.choice((NESTED, {}))
    if isinstance(of_type, LargeBinary):
        return bytes(range(256)) * number
    if isinstance(of_type, Double):
        return chance.random() * 10.0 ** chance.randint(-20, 20)
    if isinstance(of_type, Integer):
        return 10_000 + number  # beyond what migrations put in, and within a small integer
    text = chance.choice(TEXTS)
    length = getattr(of_type, "length", None) or 200
    return f"{number}{text}"[:length]
