"""Readers in numbers, a row a day: counted by a chore in ranges of destinations, never for a page.

What a person asked for counts them once for each topic, district and frequency. Who came and who
left is counted for the days that are over; all else is as it was at the day's first count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, case, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from service.db import Database, place_among
from service.ledger.canary import is_canary
from service.models import Destination, DestinationKind, Figure, ReaderDay, Subscription
from service.settings import Settings
from service.subscriptions.silence import Allowed, Silences, ranges, silences

BACK = timedelta(days=365)  # how far the first count looks for who came and left
KEEP = timedelta(days=400)  # of what readers asked for; who came and left stays
FLOW = (Figure.JOINED, Figure.LEFT)
LASTING = (Figure.READERS, *FLOW)

Key = tuple[date, Figure, str]


@dataclass(frozen=True)
class _Days:
    """The days that are counted: the snapshot's, and those of which came and left is."""

    today: date
    first: date
    zone: ZoneInfo

    @property
    def edges(self) -> list[datetime]:
        """The midnights from the first day to today's."""
        count = (self.today - self.first).days
        days = [self.first + timedelta(days=number) for number in range(count + 1)]
        return [datetime.combine(day, time(), self.zone) for day in days]


def count_missing(db: Database, settings: Settings, now: datetime) -> int:
    """Count today's readers if nobody has, and who came and left since; returns how many days."""
    today = now.astimezone(ZoneInfo(settings.timezone)).date()
    with db.read() as session:
        if session.get(ReaderDay, (today, Figure.READERS, "")) is not None:
            return 0
    return count_now(db, settings, now)


def count_now(db: Database, settings: Settings, now: datetime) -> int:
    """The same, whether or not today was counted before: its counts are replaced in one
    transaction."""
    zone = ZoneInfo(settings.timezone)
    today = now.astimezone(zone).date()
    with db.read() as session:
        newest = session.scalar(
            select(func.max(ReaderDay.day)).where(ReaderDay.figure == Figure.JOINED)
        )
        known = silences(session, Allowed.of(settings), now)
    days = _Days(today, max(newest or today - BACK, today - BACK), zone)
    found = Counter[Key]({(today, Figure.READERS, ""): 0})
    for number in range((today - days.first).days):
        for flow in FLOW:
            found[days.first + timedelta(days=number), flow, ""] = 0
    for lower, upper in ranges(db):
        with db.read() as session:
            for key, count in _counts(session, days, known, lower, upper, now):
                found[key] += count
    with db.write() as session:
        _replace(session, days, found, now)
    return len(days.edges)


def _counts(
    session: Session, days: _Days, known: Silences, lower: int, upper: int, now: datetime
) -> Iterator[tuple[Key, int]]:
    for figure, query in _snapshots():
        found = session.execute(query.where(Subscription.destination_id.between(lower + 1, upper)))
        for key, count in found:
            yield (days.today, figure, str(key)), count
    edges = days.edges
    for figure, moments in ((Figure.JOINED, _joined()), (Figure.LEFT, _left())):
        moment = moments.where(moments.selected_columns[0].between(lower + 1, upper)).subquery()
        place = place_among(moment.c.at, edges).label("place")
        among = select(place).where(moment.c.at >= edges[0], moment.c.at < edges[-1]).subquery()
        for number, count in session.execute(
            select(among.c.place, func.count()).group_by(among.c.place)
        ):
            yield (days.first + timedelta(days=number - 1), figure, ""), count
    for reason, count in known.count(session, lower, upper, now):
        yield (days.today, Figure.SILENT, reason), count


def _snapshots() -> Sequence[tuple[Figure, Select[Any]]]:
    """Each figure with the query of its keys and people, of one range."""
    people = func.count(Subscription.destination_id.distinct())
    keys: dict[Figure, Any] = {
        Figure.READERS: literal(""),
        Figure.TOPIC: func.coalesce(Subscription.topic_id, 0),
        Figure.PLACE: func.coalesce(Subscription.place_id, 0),
        Figure.FREQUENCY: Subscription.frequency,
        Figure.KIND: Destination.kind,
    }
    columns = {Figure.TOPIC: Subscription.topic_id, Figure.PLACE: Subscription.place_id}
    found = []
    for figure, key in keys.items():
        query = (
            select(key, people)
            .join(Destination, Destination.id == Subscription.destination_id)
            .where(Subscription.ended_at.is_(None), *_is_reader())
        )
        if figure != Figure.READERS:
            query = query.group_by(columns.get(figure, key))
        found.append((figure, query))
    return found


def _is_reader() -> tuple[Any, ...]:
    """A verified address of a person; the canary is none."""
    return (
        ~is_canary(Destination.id).exists(),
        Destination.verified_at.is_not(None),
        Destination.channel_id.is_(None),
        Destination.kind != DestinationKind.WEBSUB,
    )


def _joined() -> Select[int, datetime | None]:
    return select(Destination.id, Destination.verified_at.label("at")).where(*_is_reader())


def _left() -> Select[int, datetime | None]:
    """People whose last subscription has ended, with that moment."""
    live = func.sum(case((Subscription.ended_at.is_(None), 1), else_=0))
    return (
        select(Subscription.destination_id, func.max(Subscription.ended_at).label("at"))
        .join(Destination, Destination.id == Subscription.destination_id)
        .where(*_is_reader())
        .group_by(Subscription.destination_id)
        .having(live == 0)
    )


def _replace(session: Session, days: _Days, found: Counter[Key], now: datetime) -> None:
    session.execute(delete(ReaderDay).where(ReaderDay.day == days.today))
    session.execute(
        delete(ReaderDay)
        .where(ReaderDay.day.between(days.first, days.today))
        .where(ReaderDay.figure.in_(FLOW))
    )
    session.execute(
        delete(ReaderDay)
        .where(ReaderDay.day < days.today - KEEP)
        .where(ReaderDay.figure.not_in(LASTING))
    )
    session.execute(
        insert(ReaderDay),
        [
            {"day": day, "figure": figure, "key": key, "count": count, "counted_at": now}
            for (day, figure, key), count in found.items()
        ],
    )
