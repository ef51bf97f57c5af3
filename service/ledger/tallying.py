"""Tallying: the deliveries of each notification are counted by a chore, never for a page.

A notification is counted while it is under way, seldom, and once more when it is over; that tally
is final. Each count walks its key range in steps, in read transactions of their own, and then one
short transaction puts it in the place of the count before, in the tally and in the sums of its day
(docs/adr/0032). Planning and settling know nothing of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.db import Database, rows
from service.ledger.days import Cell, Table, add, day_of
from service.ledger.delays import Delay, add_delays, bucket_at
from service.ledger.tallies import OVER, Key, cells_of, delays_of, end_of, kept
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
    NotificationState,
    Tally,
)
from service.models.notification import IS_UNFINISHED, IS_UNTALLIED

STEP = 50_000  # deliveries a statement
AT_ONCE = 200  # notifications that one look finds
EVERY = timedelta(seconds=15)  # of one that is under way: at most so often,
SELDOM = timedelta(minutes=10)  # and at least so often, in between by its age
TURN_S = 10.0  # a chore's; the next one goes on
END: ColumnElement[datetime] = func.coalesce(
    Notification.done_at, Notification.stopped_at, Notification.created_at
)


class _Overtaken(Exception):
    """Somebody else counted it, or it has changed its state; roll back."""


@dataclass(frozen=True)
class Due:
    """A notification to be counted, as it was when it was found."""

    notification: Notification
    published: datetime | None  # what delays are counted from; None: of this none are
    counted_at: datetime | None


def count_due(
    db: Database, zone: ZoneInfo, now: datetime, *, turn_s: float = TURN_S, is_all: bool = False
) -> int:
    """Count what is over and was not counted since, then what is under way; returns how many.

    Stops after `turn_s`; the next one goes on. Whoever runs twice, or beside another one, counts
    nothing twice. `is_all`: also what is under way and was counted a moment ago.
    """
    until, done, after = time.monotonic() + turn_s, 0, 0
    while found := _over(db, after):
        after = found[-1].notification.id
        for due in found:
            done += _count(db, due, zone, now)
            if time.monotonic() > until:
                return done
    for due in _under_way(db, now, is_all=is_all):
        done += _count(db, due, zone, now)
        if time.monotonic() > until:
            break
    return done


def _look(db: Database, *where: Any, order: Any) -> list[Due]:
    published = func.coalesce(Article.published_at, Article.created_at)
    query = (
        select(Notification, published, Tally.counted_at)
        .outerjoin(Article, Article.id == Notification.article_id)
        .outerjoin(Tally, Tally.notification_id == Notification.id)
        .where(*where)
        .order_by(order)
        .limit(AT_ONCE)
    )
    with db.read() as session:
        found = session.execute(query).all()
    return [
        Due(one, at if one.kind == NotificationKind.NEW else None, counted)
        for one, at, counted in found
    ]


def _over(db: Database, after: int) -> list[Due]:
    """Of what ended, what has no tally of this end yet (ix_notification_untallied)."""
    return _look(db, IS_UNTALLIED, Notification.id > after, order=Notification.id)


def _under_way(db: Database, now: datetime, *, is_all: bool) -> list[Due]:
    """Those with deliveries whose count is old for their age, the oldest count first."""
    begun = (NotificationState.RELEASED, NotificationState.PLANNING, NotificationState.PLANNED)
    found = _look(
        db,
        Notification.state.in_(begun),
        IS_UNFINISHED,
        Notification.planned > 0,
        order=func.coalesce(Tally.counted_at, Notification.created_at),
    )
    return [one for one in found if is_all or _is_old(one, now)]


def _is_old(due: Due, now: datetime) -> bool:
    if due.counted_at is None:
        return True
    age = now - (due.notification.released_at or due.notification.created_at)
    return now - due.counted_at >= min(max(age / 10, EVERY), SELDOM)


def _count(db: Database, due: Due, zone: ZoneInfo, now: datetime) -> int:
    """Count one and write it down; 0 where it has changed its state, or somebody else was first."""
    counted = Counter[Key]()
    for step in _steps(db, due):
        counted.update(step)
    try:
        with db.write(is_durable=False) as session:
            _write(session, due, counted, day_of(due.notification, zone), now)
    except _Overtaken:
        return 0
    return 1


def _steps(db: Database, due: Due) -> Iterator[Counter[Key]]:
    """The deliveries of a notification in ranges of its key, each counted by one statement."""
    lower, size = 0, STEP
    while size == STEP:
        with db.read() as session:
            found = session.execute(_range(due, lower)).all()
        size = sum(row.number for row in found)
        lower = max((row.last for row in found), default=lower)
        yield Counter({(row.kind, row.lane, row.state, row.bucket): row.number for row in found})


def _range(due: Due, lower: int) -> Any:
    part = (
        select(Delivery.destination_id, Delivery.state, Delivery.settled_at)
        .where(Delivery.notification_id == due.notification.id, Delivery.destination_id > lower)
        .order_by(Delivery.destination_id)
        .limit(STEP)
        .subquery()
    )
    bucket: Any = null()
    if due.published is not None:
        is_sent = part.c.state == DeliveryState.SENT
        bucket = case((is_sent, bucket_at(part.c.settled_at, due.published)))
    known = (
        select(
            func.coalesce(Destination.kind, "").label("kind"),
            func.coalesce(Destination.lane, "").label("lane"),
            part.c.state,
            bucket.label("bucket"),
            part.c.destination_id,
        )
        .outerjoin(Destination, Destination.id == part.c.destination_id)
        .subquery()
    )
    key = (known.c.kind, known.c.lane, known.c.state, known.c.bucket)
    return select(
        *key, func.count().label("number"), func.max(known.c.destination_id).label("last")
    ).group_by(*key)


def _write(session: Session, due: Due, counted: Counter[Key], day: date, now: datetime) -> None:
    """Put a count in the place of the one before.

    Raises:
        _Overtaken: it was counted meanwhile, or it ended, or it was opened again.
    """
    one = due.notification
    if one.state in OVER:
        _require(rows(session, _close(one)))
    query = select(Tally).where(Tally.notification_id == one.id)
    before = session.scalars(query.with_for_update()).one_or_none()
    if (before.counted_at if before else None) != due.counted_at:
        raise _Overtaken
    days, delays = Counter[Cell](), Counter[Delay]()
    if before is not None:
        days.subtract(cells_of(before.day, one.kind, kept(before)))
        delays.subtract(delays_of(before.day, kept(before)))
        session.delete(before)
        session.flush()
    days.update(cells_of(day, one.kind, counted))
    delays.update(delays_of(day, counted))
    states = Counter[int]()
    for (_, _, state, _), count in counted.items():
        states[state] += count
    values = {state.word: states[state] for state in DeliveryState}
    cells = [[*key, count] for key, count in sorted(counted.items(), key=str)]
    row = {"notification_id": one.id, "counted_at": now, "day": day, "cells": cells, **values}
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    _require(rows(session, dialect.insert(Tally).values(**row).on_conflict_do_nothing()))
    add(session, days, Table.TALLIES)
    add_delays(session, delays)


def _close(one: Notification) -> Any:
    """The tally of this end is final, if it still has ended so."""
    return (
        update(Notification)
        .where(Notification.id == one.id, Notification.archived_at.is_(None))
        .where(Notification.state == one.state)
        .where(END.is_not_distinct_from(end_of(one)))
        .values(tallied_end=end_of(one))
        .execution_options(synchronize_session=False)
    )


def _require(changed: int) -> None:
    if not changed:
        raise _Overtaken
