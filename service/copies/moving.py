"""Moving: all of one database into an empty PostgreSQL, in one transaction.

Either everything has arrived, counted and summed alike, or nothing has: a move that dies leaves the
target as empty as it was, and is simply started again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from service import migrations
from service.copies.rows import STEP, Row, Sum, as_line, count, read, sums, write
from service.copies.shape import Shape, sequence_of, shapes_of
from service.db import READ_ONLY, Database

Report = Callable[[str, int], None]  # what is being done, and how many rows more are done

_SET = text("SELECT setval(:sequence, :value)")
_LAST = text("SELECT last_value FROM pg_sequences WHERE schemaname || '.' || sequencename = :name")
_LAST_OF_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = :name")


class CopyRefused(Exception):
    """It cannot be copied as things are; nothing was changed."""


@dataclass(frozen=True)
class Moved:
    """What arrived: rows and checksum of each table."""

    sums: dict[str, Sum]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.sums.values())


def total_rows(db: Database) -> int:
    """How many rows a copy will take, for a bar; they are read twice, here and there."""
    with db.engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        return sum(count(connection, shape) for shape in shapes_of(connection))


def move(source: Database, target: Database, report: Report) -> Moved:
    """Copy, compare, commit.

    Raises:
        CopyRefused: the target has tables already, the source is not at this release's migration,
            or what arrived is not what left.
    """
    check_pair(source, target)
    with (
        source.engine.connect().execution_options(**{READ_ONLY: True}) as reading,
        target.engine.connect() as writing,
    ):
        one_moment(reading)
        migrations.upgrade_on(writing)
        shapes = shapes_of(reading)
        require_same(shapes, shapes_of(writing))
        empty(writing, shapes)
        left = {shape.name: _carry(reading, writing, shape, report) for shape in shapes}
        arrived = {
            shape.name: sums(writing, shape, lambda rows: report("comparing", rows))
            for shape in shapes
        }
        if differing := [name for name, one in left.items() if arrived[name] != one]:
            raise CopyRefused(f"these tables differ after the copy: {', '.join(differing)}")
        set_sequences(writing, shapes, sequences_of(reading, shapes))
        writing.commit()
    return Moved(arrived)


def check_pair(source: Database, target: Database) -> None:
    """Raises CopyRefused where the move cannot begin."""
    if target.is_sqlite:
        raise CopyRefused("the target must be a PostgreSQL; for SQLite, restore a backup")
    if migrations.missing(source):
        raise CopyRefused("the database lacks migrations of this release; run `tellal migrate`")
    with target.engine.connect() as connection:
        if inspect(connection).get_table_names():
            raise CopyRefused("the target has tables already; name an empty database")


def one_moment(connection: Connection) -> None:
    """Let a connection see the database of one moment, whoever writes meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.exec_driver_sql("SELECT count(*) FROM alembic_version")


def require_same(source: Sequence[Shape], target: Sequence[Shape]) -> None:
    """Raises CopyRefused where the tables are not the same on both sides."""
    known = {shape.name: shape.columns for shape in target}
    for shape in source:
        if known.get(shape.name) != shape.columns:
            raise CopyRefused(f"the table {shape.name} is another one in the target")


def empty(connection: Connection, shapes: Sequence[Shape]) -> None:
    """Take out what the migrations put in: the copy brings its own."""
    for shape in reversed(shapes):
        connection.exec_driver_sql(f'DELETE FROM "{shape.name}"')  # noqa: S608


def sequences_of(connection: Connection, shapes: Sequence[Shape]) -> dict[str, int]:
    """The last number that was given in each table, though its row may be gone."""
    found = {}
    keeps_numbers = _keeps_numbers(connection)
    for shape in shapes:
        if not shape.numbered_by:
            continue
        last = 0
        if keeps_numbers:
            last = connection.execute(_LAST_OF_SQLITE, {"name": shape.name}).scalar() or 0
        elif name := sequence_of(connection, shape):
            last = connection.execute(_LAST, {"name": name}).scalar() or 0
        newest = connection.exec_driver_sql(
            f'SELECT coalesce(max("{shape.numbered_by}"), 0) FROM "{shape.name}"'  # noqa: S608
        ).scalar_one()
        found[shape.name] = max(int(last), int(newest))
    return found


def set_sequences(
    connection: Connection, shapes: Sequence[Shape], last: dict[str, int], ahead: int = 0
) -> None:
    """Let PostgreSQL number on after these, `ahead` numbers later."""
    for shape in shapes:
        name = sequence_of(connection, shape)
        if name and (last.get(shape.name, 0) or ahead):
            connection.execute(_SET, {"sequence": name, "value": last.get(shape.name, 0) + ahead})


def _keeps_numbers(connection: Connection) -> bool:
    """Whether this is a SQLite that remembers what it gave, which those before 0043 did not."""
    if connection.dialect.name != "sqlite":
        return False
    found = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
    return found.first() is not None


def _carry(reading: Connection, writing: Connection, shape: Shape, report: Report) -> Sum:
    """Copy a table; returns what left."""
    left = Sum()

    def passing() -> Generator[Row]:
        with closing(read(reading, shape)) as found:
            for row in found:
                left.add(as_line(row))
                if not left.rows % STEP:
                    report("copying", STEP)
                yield row

    with closing(passing()) as rows:  # before its connection is, whatever comes
        write(writing, shape, rows)
    report("copying", left.rows % STEP)
    return left
