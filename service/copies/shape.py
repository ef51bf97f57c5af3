"""The tables of a database as they are, not as the models say: a backup may be older than those."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    inspect,
    text,
)
from sqlalchemy.exc import SAWarning

from service.migrations.partitions import whole_tables

VERSION = "alembic_version"  # what the migrations say of themselves, and make anew

_SERIAL = text("SELECT pg_get_serial_sequence(:table, :column)")


class Kind(StrEnum):
    """How a value is written; the names are in every backup."""

    PLAIN = "plain"  # whole numbers and text
    FLAG = "flag"
    MOMENT = "moment"
    DAY = "day"
    JSON = "json"
    BYTES = "bytes"
    REAL = "real"


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind


@dataclass(frozen=True)
class Shape:
    """One table: its columns in their order of name, and the column that numbers its rows."""

    name: str
    columns: tuple[Column, ...]
    numbered_by: str = ""

    @property
    def names(self) -> str:
        """The columns for a statement; all of them are our own."""
        return ", ".join(f'"{column.name}"' for column in self.columns)


class UnknownType(Exception):
    """A column whose values nobody here knows how to write."""


def shapes_of(connection: Connection) -> list[Shape]:
    """All tables that hold what nothing else can tell, each after those that it refers to.

    What is derived is left out: partitions are read through their parent, and the search of the
    archive is built anew.
    """
    is_whole = whole_tables(connection)
    names = [
        name
        for name in inspect(connection).get_table_names()
        if is_whole(name, "table", {}) and name != VERSION
    ]
    metadata = MetaData()
    with warnings.catch_warnings():  # of indexes by an expression: no index is copied
        warnings.simplefilter("ignore", SAWarning)
        metadata.reflect(connection, only=names)
    return [
        Shape(
            table.name,
            tuple(sorted((Column(c.name, _kind(table.name, c)) for c in table.columns), key=_name)),
            _numbering(table.primary_key.columns.values()),
        )
        for table in metadata.sorted_tables
    ]


def sequence_of(connection: Connection, shape: Shape) -> str | None:
    """The sequence that numbers a table's rows; null where none does, as on SQLite."""
    if connection.dialect.name == "sqlite" or not shape.numbered_by:
        return None
    names = {"table": shape.name, "column": shape.numbered_by}
    found: str | None = connection.execute(_SERIAL, names).scalar()
    return found


def _name(column: Column) -> str:
    return column.name


def _numbering(key: list[Any]) -> str:
    is_numbered = len(key) == 1 and isinstance(key[0].type, Integer)
    return str(key[0].name) if is_numbered else ""


def _kind(table: str, column: Any) -> Kind:
    for types, kind in (
        (Boolean, Kind.FLAG),
        (DateTime, Kind.MOMENT),
        (Date, Kind.DAY),
        (JSON, Kind.JSON),
        (LargeBinary, Kind.BYTES),
        (Float, Kind.REAL),
        ((Integer, String), Kind.PLAIN),
    ):
        if isinstance(column.type, types):
            return kind
    raise UnknownType(f"{table}.{column.name} is {column.type}")
