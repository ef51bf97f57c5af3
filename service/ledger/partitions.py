"""Partitions of the ledger on PostgreSQL: ranges of notification ids, so that old rows go at once.

They are made ahead of the ids, and dropped when all their notifications are archived. An id without
a range of its own goes into the default partition, so no insert ever fails for want of one. Nothing
here waits for a lock longer than `PATIENCE`: whoever asks after it would wait too. What could not
be had is tried again by the next run. On SQLite there is nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.db import Database
from service.logs import get_logger
from service.models import Notification

log = get_logger(__name__)

MIN_WIDTH = 1_000  # ids: below that, deleting rows costs less than a table
AHEAD = 2  # empty partitions behind the newest id
SPAN = timedelta(days=7)  # a partition is as wide as what these days used
GAP = 1_000  # ids between the newest row and a new range, where the default partition was in use
SETTLED = timedelta(days=1)  # no transaction that took an id is still open after this
PARTED = ("delivery", "digest_item")  # alike, so that what belongs together goes together
PATIENCE = "1s"
SCAN = "5s"  # of the default partition, whenever a range is attached
_TURNS = 0x7E11A2  # names the lock among those of the database
# A lock not available, a statement's time, a deadlock, a row in the way.
_GIVEN_UP = ("55P03", "57014", "40P01", "23514")

_LIST = text("""
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'delivery'::regclass
""")
_BOUNDS = re.compile(r"FROM \('(\d+)'\) TO \('(\d+)'\)")
_IN_DEFAULT = text("SELECT coalesce(max(notification_id), 0) FROM delivery_default")


@dataclass(frozen=True, order=True)
class Partition:
    """The ids from `lower` up to, and without, `upper`."""

    lower: int
    upper: int

    @property
    def name(self) -> str:
        return f"delivery_from_{self.lower}"

    @property
    def tables(self) -> dict[str, str]:
        """The partition's table of each table that is parted."""
        return {parent: f"{parent}_from_{self.lower}" for parent in PARTED}

    @property
    def holds(self) -> ColumnElement[bool]:
        """Whether a notification's deliveries belong here."""
        return Notification.id.between(self.lower, self.upper - 1)


def partitions(session: Session) -> list[Partition]:
    """All but the default one, in order; none on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    found = (_BOUNDS.search(bounds) for _, bounds in session.execute(_LIST))
    return sorted(Partition(int(one[1]), int(one[2])) for one in found if one)


def make_ahead(db: Database, now: datetime) -> list[Partition]:
    """Make partitions until two lie ahead of the newest id; returns those that were made.

    Owns a transaction for each. A second run beside it makes none.
    """
    made: list[Partition] = []
    while not db.is_sqlite:
        new = None
        with _briefly(db, "attach") as session:
            if _has_turn(session):
                new = _next(session, now)
            if new is not None:
                _attach(session, new)
                made.append(new)
        if new is None or new not in made:
            break
    return made


def droppable(session: Session, is_over: ColumnElement[bool], now: datetime) -> list[Partition]:
    """Partitions without a notification that stays, and that no new one can come into."""
    return [one for one in partitions(session) if _is_droppable(session, one, is_over, now)]


def drop(db: Database, partition: Partition, now: datetime) -> bool:
    """Drop a partition of archived notifications alone, rows and all; true where it went.

    Owns its transaction. False where somebody works on the ledger for too long, or drops it too.
    """
    is_archived = Notification.archived_at.is_not(None)
    is_gone = False
    with _briefly(db, "drop") as session:
        if (
            _has_turn(session)
            and partition in partitions(session)
            and _is_droppable(session, partition, is_archived, now)
        ):
            for table in partition.tables.values():
                session.execute(text(f"DROP TABLE {table}"))
            is_gone = True
    return is_gone


def _is_droppable(
    session: Session, partition: Partition, is_over: ColumnElement[bool], now: datetime
) -> bool:
    stays = select(literal(1)).where(partition.holds, ~is_over).limit(1)
    later = (
        select(literal(1))
        .where(Notification.id >= partition.upper, Notification.created_at < now - SETTLED)
        .limit(1)
    )
    return session.scalar(stays) is None and session.scalar(later) is not None


def _next(session: Session, now: datetime) -> Partition | None:
    """The range to make now; null where enough lie ahead."""
    newest = session.scalar(select(func.coalesce(func.max(Notification.id), 0))) or 0
    there = partitions(session)
    if sum(one.lower > newest for one in there) >= AHEAD:
        return None
    before = select(func.max(Notification.id)).where(Notification.created_at < now - SPAN)
    width = max(newest - (session.scalar(before) or 0), MIN_WIDTH)
    lower = max((one.upper for one in there), default=0)
    if lower <= newest:  # rows of ids above it are in the default partition already
        newest = max(newest, session.scalar(_IN_DEFAULT) or 0)
        lower = newest + 1 + GAP
    return Partition(lower, lower + width)


def _attach(session: Session, new: Partition) -> None:
    """Beside, then into place: the table that everybody uses is not locked against its users."""
    for parent, table in new.tables.items():
        session.execute(text(f"CREATE TABLE {table} (LIKE {parent} INCLUDING ALL)"))
        session.execute(
            text(
                f"ALTER TABLE {parent} ATTACH PARTITION {table}"
                f" FOR VALUES FROM ({new.lower}) TO ({new.upper})"
            )
        )


def _has_turn(session: Session) -> bool:
    """True for one at a time, until its transaction ends."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_TURNS))))


@contextmanager
def _briefly(db: Database, what: str) -> Iterator[Session]:
    """A transaction that gives up where it would keep others waiting; that is no error."""
    try:
        with db.write() as session:
            session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
            session.execute(text(f"SET LOCAL statement_timeout = '{SCAN}'"))
            yield session
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _GIVEN_UP:
            raise
        log.warning("partition put off", what=what, reason=getattr(error.orig, "sqlstate", None))
