"""Engine and sessions: one `Database` per process, on SQLite or PostgreSQL.

A transaction that writes takes SQLite's writer lock at its start (`BEGIN IMMEDIATE`), so that two
of them wait for each other instead of failing in the middle. No network call belongs inside one
(design, invariant 3).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    ExceptionContext,
    Integer,
    MetaData,
    Table,
    case,
    create_engine,
    event,
    literal,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:  # a heavy import, of which SQLite has no need
    import psycopg

BUSY_TIMEOUT_S = 30
BUSY_TIMEOUT = f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}"
LOOK_EVERY_S = 0.001  # for the writer's lock
READ_ONLY = "tellal_read_only"
NO_WRITER = "25006"  # PostgreSQL's code for a write where it only lets read
SOFT = "tellal_soft"  # a transaction whose commit does not wait for the disk


def utcnow() -> datetime:
    """The present, aware and in UTC: the only clock that rows know."""
    return datetime.now(UTC)


@lru_cache(maxsize=64)  # the same present goes into several columns of many rows
def _sqlite_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone must not reach the database")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


# Raw statements bind datetimes too; this keeps their text equal to what the column type writes.
sqlite3.register_adapter(datetime, _sqlite_text)


class Moment(TypeDecorator[datetime]):
    """An aware datetime: `timestamptz` on PostgreSQL, sortable UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone must not reach the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows itself only in a column that is called INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Parent of all models; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment}  # noqa: RUF012


class WrongEncoding(Exception):
    """A PostgreSQL database that cannot keep every letter; the text says what to do."""


class Database:
    """The engine of one process. Make it after a fork, never before."""

    def __init__(self, url: str) -> None:
        # Bound values are addresses and texts: errors that reach a log must not show them.
        options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
        if url.startswith("sqlite"):
            options = {"connect_args": {"timeout": BUSY_TIMEOUT_S}, "hide_parameters": True}
        self.engine: Engine = create_engine(url, **options)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            # Before SQLAlchemy's own first look, which trips over the bytes of SQL_ASCII.
            event.listen(self.engine, "connect", _require_unicode, insert=True)
            event.listen(self.engine, "handle_error", _no_writer_is_away)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self, *, is_durable: bool = True) -> Iterator[Session]:
        """A transaction that may write; committed at the end of the block.

        One that is not durable may be undone by a power cut, though never by a killed process, and
        only together with all that was committed after it: both databases write one log, and the
        next durable commit takes everything before it to the disk.
        """
        engine = self.engine if is_durable else self.engine.execution_options(**{SOFT: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            if not is_durable and not self.is_sqlite:
                session.execute(text("SET LOCAL synchronous_commit = off"))
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads, and so never waits for a writer."""
        engine = self.engine.execution_options(**{READ_ONLY: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that write many rows and need no objects."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def place_among(
    column: ColumnElement[datetime | None], moments: Sequence[datetime]
) -> ColumnElement[int]:
    """How many of these moments, which are in order, are not after the column's: SQL that both
    databases read, which halves them at each comparison."""

    def between(lower: int, upper: int) -> Any:
        if lower == upper:
            return literal(lower)
        middle = (lower + upper) // 2
        is_before = column < moments[middle]
        return case((is_before, between(lower, middle)), else_=between(middle + 1, upper))

    found: ColumnElement[int] = between(0, len(moments))
    return found


def rows(session: Session, statement: object, **values: object) -> int:
    """Execute and return the number of rows that changed."""
    result = session.execute(statement, values)  # type: ignore[call-overload]
    assert isinstance(result, CursorResult)
    return result.rowcount


def _no_writer_is_away(context: ExceptionContext) -> None:
    """A standby that is asked to write is no error of ours, as its driver has it, nor of the row in
    hand: whoever waits for a database that is away waits for this one too."""
    error = context.original_exception
    if getattr(error, "sqlstate", None) == NO_WRITER:
        raise OperationalError(context.statement, None, error, hide_parameters=True) from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # an accepted article survives a power cut
        "wal_autocheckpoint = 4000",  # pages, 16 MB: those that change again and again move once
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(BUSY_TIMEOUT)


def _require_unicode(connection: psycopg.Connection, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise WrongEncoding(
            f"the database {connection.info.dbname} is in {encoding}, which cannot keep every "
            "letter; make it anew: createdb --encoding UTF8 --locale C.UTF-8 --template template0"
        )


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(READ_ONLY, False):
        connection.exec_driver_sql("BEGIN")
        return
    _set_durability(connection)
    # SQLite itself would look again after up to 100 ms, and a transaction takes a few: whoever
    # writes seldom would always come too late among those who write often.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while not _is_begun(connection, is_last=time.monotonic() > deadline):
            time.sleep(LOOK_EVERY_S)
    finally:
        connection.exec_driver_sql(BUSY_TIMEOUT)


def _set_durability(connection: Connection) -> None:
    """SQLite takes this between transactions alone, and keeps it for the next one."""
    level = "NORMAL" if connection.get_execution_options().get(SOFT, False) else "FULL"
    if connection.info.get(SOFT, "FULL") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        connection.info[SOFT] = level


def _is_begun(connection: Connection, *, is_last: bool) -> bool:
    """Take the writer's lock, or see that somebody else has it; the last time that is an error."""
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        is_busy = (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_BUSY
        if is_last or not is_busy:
            raise
        return False
    return True
