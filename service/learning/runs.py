"""One training at a time, and when it is time for the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.models import Learning, ModelVersion

_ROW = 1
_TURNS = 0x7E11A2  # names the lock among those of the database

LONGEST = timedelta(minutes=15)  # one that has not ended by then was killed
NIGHTLY = timedelta(hours=23)  # since the last training; one new decision is enough then
OFTEN = 25  # decisions since the last training: do not wait for the night


class RunningError(RuntimeError):
    """Another training is under way; the text says since when."""


def take_turn(session: Session) -> Learning:
    """How learning stands; nobody else changes that, or the models, before this commit.

    SQLite has one writer at any time.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_TURNS)))
    row = session.get(Learning, _ROW, populate_existing=True)
    if row is None:
        row = Learning(id=_ROW)
        session.add(row)
    return row


@contextmanager
def run(db: Database, now: datetime) -> Iterator[None]:
    """Train inside of this block, alone.

    Raises:
        RunningError: somebody else does.
    """
    with db.write() as session:
        row = take_turn(session)
        if row.begun_at is not None and row.ended_at is None and now - row.begun_at < LONGEST:
            raise RunningError(f"a training is running since {row.begun_at:%H:%M:%S} UTC")
        row.begun_at, row.ended_at = now, None
    try:
        yield
    finally:
        with db.write() as session:
            take_turn(session).ended_at = utcnow()


def ask_for(session: Session, now: datetime) -> None:
    """Have a worker train as soon as it can; asked twice is asked once."""
    take_turn(session).asked_at = now


def is_asked_for(session: Session) -> bool:
    """Whether staff have asked since the last training began."""
    row = session.get(Learning, _ROW)
    if row is None or row.asked_at is None:
        return False
    return row.begun_at is None or row.begun_at < row.asked_at


def state(session: Session) -> Learning | None:
    """How learning stands; null: nothing was ever learned."""
    return session.get(Learning, _ROW)


def is_due(session: Session, decisions: int, now: datetime) -> bool:
    """Whether to train, with so many decisions since the last model.

    After a training that failed or was killed nothing would be better an hour later.
    """
    begun_at = session.scalar(select(Learning.begun_at))
    if begun_at is None or begun_at < now - NIGHTLY:
        return decisions > 0
    last = session.scalar(select(func.max(ModelVersion.trained_at)))
    return decisions >= OFTEN and last is not None and last >= begun_at
