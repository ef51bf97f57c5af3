"""When digests are due: one run for each day or week of the city, whatever dies or starts late.

The schedule is a query: the last time that the clock on the city's wall said eight, and the run of
that day, which a unique key makes one. A service that was down at eight makes it when it is back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.db import table_of
from service.ledger.digest_left import left_to_others
from service.models import (
    DigestArticle,
    DigestRun,
    Frequency,
    Notification,
    NotificationKind,
    NotificationState,
)

AT = time(8)  # on the city's wall
MONDAY = 0
PERIOD = {Frequency.DAILY: timedelta(days=1), Frequency.WEEKLY: timedelta(days=7)}
# After a long time away nobody is told of what is older than this.
FARTHEST = {Frequency.DAILY: timedelta(days=7), Frequency.WEEKLY: timedelta(days=31)}
# A release that was on its way at eight commits a moment later. It is looked for once more, and
# what the run before had already is left out by its list.
OVERLAP = timedelta(hours=1)


@dataclass(frozen=True)
class Due:
    """A run that ought to be there: its day, and the moment until which it tells."""

    frequency: Frequency
    day: date
    until: datetime
    zone: ZoneInfo

    @property
    def begins(self) -> datetime:
        """Where the run begins that has none before it: one period earlier on the city's wall."""
        return _wall(self.day - PERIOD[self.frequency], self.zone)


def last_due(frequency: Frequency, now: datetime, zone: ZoneInfo) -> Due:
    """The newest run that is due at a moment."""
    day = now.astimezone(zone).date()
    if _wall(day, zone) > now:
        day -= timedelta(days=1)
    if frequency == Frequency.WEEKLY:
        day -= timedelta(days=(day.weekday() - MONDAY) % 7)
    return Due(frequency, day, _wall(day, zone), zone)


def missing(session: Session, now: datetime, zone: ZoneInfo) -> list[Due]:
    """The runs that are due and are not there."""
    due = [last_due(frequency, now, zone) for frequency in PERIOD]
    return [
        one
        for one in due
        if session.scalar(
            select(DigestRun.id).where(
                DigestRun.frequency == one.frequency, DigestRun.day >= one.day
            )
        )
        is None
    ]


def begin(session: Session, due: Due, now: datetime) -> DigestRun:
    """Make a run, with its notification where there is anything to tell.

    Raises:
        IntegrityError: somebody else made it, at the flush; roll back.
    """
    last = session.scalar(
        select(DigestRun)
        .where(DigestRun.frequency == due.frequency)
        .order_by(DigestRun.day.desc())
        .limit(1)
    )
    start = due.begins
    if last is not None:
        start = max(last.until_at, due.until - FARTHEST[due.frequency])
    run = DigestRun(
        frequency=due.frequency, day=due.day, from_at=start, until_at=due.until, created_at=now
    )
    session.add(run)
    session.flush()
    article_ids = _articles(session, run, last)
    if article_ids:
        run.notification_id = _notification(session, due, article_ids, now).id
        session.flush()
    return run


def _articles(session: Session, run: DigestRun, last: DigestRun | None) -> list[int]:
    """What was released in the time of a run and was not in the one before, and what that one left
    to something else in vain."""
    start = run.from_at if last is None else run.from_at - OVERLAP
    statement = (
        select(Notification.article_id)
        .where(Notification.kind == NotificationKind.NEW, Notification.stopped_at.is_(None))
        .where(Notification.state != NotificationState.CANCELLED)
        .where(Notification.released_at > start, Notification.released_at <= run.until_at)
        .order_by(Notification.article_id)
    )
    found = {int(one) for one in session.scalars(statement) if one is not None}
    if last is None:
        return sorted(found)
    before = session.scalars(
        select(DigestArticle.article_id).where(
            DigestArticle.notification_id == last.notification_id
        )
    )
    return sorted(found.difference(before) | left_to_others(session, last))


def _notification(
    session: Session, due: Due, article_ids: list[int], now: datetime
) -> Notification:
    notification = Notification(
        kind=NotificationKind.DIGEST,
        state=NotificationState.RELEASED,
        payload={"frequency": due.frequency.value},
        release_at=due.until,
        released_at=now,
        rung_at=now,
        request_id=f"{due.frequency.value}-{due.day.isoformat()}",
    )
    session.add(notification)
    session.flush()
    add_articles(session, notification.id, article_ids)
    return notification


def add_articles(session: Session, notification_id: int, article_ids: list[int]) -> None:
    """Say what a digest or a summary may tell."""
    session.execute(
        insert(table_of(DigestArticle)),
        [{"notification_id": notification_id, "article_id": one} for one in article_ids],
    )


def _wall(day: date, zone: ZoneInfo) -> datetime:
    """Eight o'clock of a day, by the clock on the wall."""
    return datetime.combine(day, AT, zone).astimezone(ZoneInfo("UTC"))
