"""Retention of the ledger: who was told what is known for some days, and then only how many.

A notification that is over for long enough is archived: its final counts, the sums of its day, in
the place of its tally, and the mark that it is archived are one transaction, so that nothing counts
twice wherever a run dies.
Only then its rows go, in one piece with their partition, or in steps. The notification itself, its
article and every proof of consent stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from service.db import Database, rows
from service.ledger import clearing, days, partitions, tallies
from service.ledger.locks import lock_articles
from service.models import (
    DeliveryState,
    Notification,
    NotificationKind,
    NotificationState,
)
from service.settings import Settings

AT_ONCE = 200  # notifications a transaction; most are letters to one person
COUNTED = 200_000  # deliveries that are counted before the next commit, but for a larger one
# What is archived waits so long for its whole partition to go: then its rows are deleted one by
# one, since a neighbour that never ends must not keep them.
WAIT = partitions.SPAN + timedelta(days=1)
OPEN = {DeliveryState.QUEUED, DeliveryState.DEFERRED}


@dataclass(frozen=True)
class Step:
    """What was committed: so many deliveries `archived`, partitions `dropped`, rows `deleted`."""

    what: str
    count: int


@dataclass(frozen=True)
class Plan:
    """What a run would do: counters alone, no look at the rows."""

    notifications: int
    deliveries: int
    waiting: int  # deliveries of notifications that were archived before
    partitions: Sequence[str]


@dataclass(frozen=True)
class Retention:
    """Forgets what is older than `keep`. Every method owns its transactions, each of them short.

    Whoever runs twice, or beside another run, counts nothing twice and drops nothing that is open.
    """

    db: Database
    keep: timedelta
    zone: ZoneInfo

    @classmethod
    def of(cls, db: Database, settings: Settings) -> Retention:
        return cls(db, timedelta(days=settings.ledger_days), ZoneInfo(settings.timezone))

    def look(self, now: datetime) -> Plan:
        """Say what `steps` would do, and do nothing."""
        planned = func.coalesce(func.sum(Notification.planned), 0)
        is_due = self._is_due(now)
        is_archived = Notification.archived_at.is_not(None)
        with self.db.read() as session:
            count, deliveries = session.execute(select(func.count(), planned).where(is_due)).one()
            waiting = session.scalar(
                select(planned).where(is_archived, Notification.cleared_at.is_(None))
            )
            gone = partitions.droppable(session, or_(is_archived, is_due), now)
        return Plan(count, int(deliveries), int(waiting or 0), [one.name for one in gone])

    def steps(self, now: datetime) -> Iterator[Step]:
        """Archive, then drop partitions, then delete; yields after each commit.

        It may be left at any step: the next run goes on there.
        """
        yield from self._archive(now)
        yield from self._drop(now)
        yield from self._clear(now)
        yield from (Step("deleted", done) for done in clearing.clear_bounces(self.db))

    def _is_due(self, now: datetime) -> ColumnElement[bool]:
        """Over, for long enough, and nothing about the same article is still going on: a
        correction looks for those who were told. One that is held for ever does not keep them."""
        over = (NotificationState.DONE, NotificationState.CANCELLED)
        other = aliased(Notification)
        since = func.coalesce(
            Notification.done_at, Notification.stopped_at, Notification.created_at
        )
        begun = func.coalesce(other.released_at, other.created_at)
        return and_(
            Notification.archived_at.is_(None),
            Notification.cleared_at.is_(None),  # so that the index of what is left is enough
            Notification.state.in_(over),
            since < now - self.keep,
            ~select(other.id)
            .where(other.article_id == Notification.article_id, other.state.not_in(over))
            .where(begun >= now - self.keep)
            .exists(),
        )

    def _archive(self, now: datetime) -> Iterator[Step]:
        after = 0
        while True:
            with self.db.read() as session:
                found = session.scalars(
                    select(Notification)
                    .where(self._is_due(now), Notification.id > after)
                    .order_by(Notification.id)
                    .limit(AT_ONCE)
                ).all()
                group = _within(found, COUNTED)
                counted = days.count_cells(session, group, self.zone)
            if not group:
                return
            after = group[-1].id
            whole = [one for one in group if _adds_up(one, counted[one.id])]
            with self.db.write() as session:
                done = self._write(session, whole, counted, now)
            yield Step("archived", sum(one.planned for one in done))

    def _write(
        self,
        session: Session,
        group: Sequence[Notification],
        counted: Mapping[int, Counter[days.Cell]],
        now: datetime,
    ) -> list[Notification]:
        """Archive those that are still as they were counted; returns these."""
        # Articles before notifications, each in order, as everybody locks them.
        articles = {one.article_id for one in group if one.article_id is not None}
        lock_articles(session, articles)
        done, total = [], Counter[days.Cell]()
        for one in group:
            values = {"archived_at": now, "final_counts": _final(counted[one.id])}
            if one.kind == NotificationKind.SERVICE:  # whose link, in which language
                values["payload"] = {"template": one.payload.get("template", "")}
            taken = rows(
                session,
                update(Notification)
                .where(Notification.id == one.id, self._is_due(now))
                .where(Notification.planned == one.planned)
                .where(Notification.done_at.is_not_distinct_from(one.done_at))
                .values(**values)
                .execution_options(synchronize_session=False),
            )
            if taken:
                done.append(one)
                total += counted[one.id]
        days.add(session, total)
        tallies.take_back(session, done)
        return done

    def _drop(self, now: datetime) -> Iterator[Step]:
        with self.db.read() as session:
            found = partitions.droppable(session, Notification.archived_at.is_not(None), now)
        for one in found:
            if partitions.drop(self.db, one, now):
                yield Step("dropped", 1)

    def _clear(self, now: datetime) -> Iterator[Step]:
        after = 0
        while True:
            with self.db.read() as session:
                found = session.scalars(
                    select(Notification)
                    .where(Notification.archived_at.is_not(None), Notification.id > after)
                    .where(Notification.cleared_at.is_(None), self._may_be_cleared(session, now))
                    .order_by(Notification.id)
                    .limit(AT_ONCE)
                ).all()
            group = _within(found, clearing.STEP)
            if not group:
                return
            after = group[-1].id
            for done in clearing.clear(self.db, group, now):
                yield Step("deleted", done)

    def _may_be_cleared(self, session: Session, now: datetime) -> ColumnElement[bool]:
        """Not what goes with its partition soon."""
        waits = [one.holds for one in partitions.partitions(session)]
        return or_(~or_(false(), *waits), Notification.archived_at < now - WAIT)


def _within(found: Sequence[Notification], deliveries: int) -> Sequence[Notification]:
    """The first ones that have no more deliveries than this; at least one."""
    total = 0
    for number, one in enumerate(found):
        total += one.planned
        if number and total > deliveries:
            return found[:number]
    return found


def _adds_up(notification: Notification, cells: Counter[days.Cell]) -> bool:
    """What does not is left for the audit, which names it, and for whoever looks into it."""
    return cells.total() == notification.planned and not any(c.state in OPEN for c in cells)


def _final(cells: Counter[days.Cell]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for cell, count in cells.items():
        counts[cell.outcome] += count
    return dict(counts)
