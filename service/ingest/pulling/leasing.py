"""Whose turn it is: one worker polls a source at a time, and each poll names the next."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.waiting import Ring
from service.models import Pull, PullState, Source
from service.tasks import HOME, Queue, Task

INTERVAL = timedelta(minutes=10)
LONGEST = timedelta(hours=6)  # between two tries of a listing that fails
LEASE = timedelta(minutes=15)  # above the longest poll; a killed worker's source waits for so long
SPREAD = (0.8, 1.2)  # so that not all sources are asked in the same second
RING_PATIENCE = timedelta(minutes=1)
LIMIT = 20  # in one sweep
_chance = random.SystemRandom()


class LeaseLost(Exception):
    """The settings changed, or the lease ended: what this poll found is no longer wanted."""


@dataclass(frozen=True)
class Poll:
    """One poll: source and pull as they were when it began, and its lease."""

    source: Source
    pull: Pull
    until: datetime


def due_pulls(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """A stage of the sweeper: due, nobody at it, and not rung for a moment ago."""
    if HOME[Task.PULL_SOURCE] in full:
        return []
    waiting = (
        select(Pull.source_id)
        .join(Source, Source.id == Pull.source_id)
        .where(*_is_free(now), Source.is_paused.is_(False))
        .where(or_(Pull.rung_at.is_(None), Pull.rung_at < rung_before))
        .order_by(Pull.due_at)
        .limit(LIMIT)
    )
    found = session.execute(
        update(Pull)
        .where(Pull.source_id.in_(waiting))
        .values(rung_at=now)
        .returning(Pull.source_id, Pull.due_at)
        .execution_options(synchronize_session=False)
    ).all()
    home = HOME[Task.PULL_SOURCE]
    return [Ring(Task.PULL_SOURCE, source_id, home, due_at) for source_id, due_at in found]


def take(session: Session, source_id: int, now: datetime) -> Poll | None:
    """Begin a poll, unless it is not due, not active, or another worker is at it."""
    source = session.get(Source, source_id)
    if source is None or source.is_paused:
        return None
    until = now + LEASE
    taken = rows(
        session,
        update(Pull)
        .where(Pull.source_id == source_id, *_is_free(now))
        .values(leased_until=until)
        .execution_options(synchronize_session=False),
    )
    return Poll(source, session.get_one(Pull, source_id), until) if taken else None


def check(session: Session, poll: Poll) -> None:
    """Lock the pull for this transaction.

    Raises:
        LeaseLost: it is no longer ours.
    """
    found = session.scalar(
        select(Pull.leased_until)
        .where(Pull.source_id == poll.source.id)
        .where(Pull.leased_until == poll.until)
        .with_for_update()
    )
    if found is None:
        raise LeaseLost


def succeed(session: Session, poll: Poll, now: datetime, **values: Any) -> None:
    """End a poll that went well; the next is due in ten minutes or so."""
    _end(
        session,
        poll,
        **{"failures": 0, "polled_at": now, "due_at": now + INTERVAL * _spread(), **values},
    )


def fail(
    session: Session,
    poll: Poll,
    now: datetime,
    reason: str,
    retry_after_s: float | None,
    **values: Any,
) -> None:
    """End a poll that failed; each failure in a row doubles the wait, to six hours."""
    failures = poll.pull.failures + 1
    wait = min(INTERVAL * 2 ** min(failures, 10), LONGEST) * _spread()
    asked = timedelta(seconds=min(retry_after_s or 0, LONGEST.total_seconds()))
    due_at = now + min(max(wait, asked), LONGEST)
    values |= {"failures": failures, "polled_at": now, "due_at": due_at, "reason": reason}
    _end(session, poll, **values)


def pause(session: Session, poll: Poll, now: datetime, reason: str) -> None:
    """End a poll that must not be repeated until somebody has read the reason."""
    _end(session, poll, state=PullState.PAUSED, polled_at=now, reason=reason)


def _is_free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Pull.state == PullState.ACTIVE,
        Pull.due_at <= now,
        or_(Pull.leased_until.is_(None), Pull.leased_until <= now),
    )


def _end(session: Session, poll: Poll, **values: Any) -> None:
    """Raises LeaseLost where somebody else's word counts by now."""
    ended = rows(
        session,
        update(Pull)
        .where(Pull.source_id == poll.source.id, Pull.leased_until == poll.until)
        .values(leased_until=None, **values)
        .execution_options(synchronize_session=False),
    )
    if not ended:
        raise LeaseLost


def _spread() -> float:
    return _chance.uniform(*SPREAD)
