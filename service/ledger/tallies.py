"""Tallies: how the deliveries of each notification came out, counted before anybody asks.

`service.ledger.tallying` counts them (docs/adr/0032).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from service.ledger.days import Cell, Table, add
from service.ledger.delays import Delay, percentile
from service.models import (
    DelayDay,
    DeliveryDay,
    DeliveryState,
    DestinationKind,
    Notification,
    NotificationState,
    Tally,
    TallyDay,
)

OVER = (NotificationState.DONE, NotificationState.CANCELLED)

# Destination kind, lane, state, bucket of its delay or None.
Key = tuple[str, str, int, int | None]


@dataclass(frozen=True)
class Lane:
    """What became of the deliveries of one lane, and seconds from publication to delivery that half
    and 95 % of them took at most (`service.ledger.delays.ERROR` says how exactly)."""

    counts: Counter[DeliveryState]
    p50_s: float | None
    p95_s: float | None


def end_of(notification: Notification) -> datetime:
    """The moment that a final tally belongs to."""
    return notification.done_at or notification.stopped_at or notification.created_at


def is_final(notification: Notification) -> bool:
    """Whether the tally of a notification says how everything came out."""
    return notification.state in OVER and notification.tallied_end == end_of(notification)


def by_lane(session: Session, since: date) -> dict[str, Lane]:
    """By lane, of all that was released on this day of the city or later, as it was counted last:
    from the sums of the days alone. Not those of our hub: each host of a subscriber is one."""
    counts: defaultdict[str, Counter[DeliveryState]] = defaultdict(Counter)
    for table in (DeliveryDay, TallyDay):
        total = func.sum(table.count)
        query = select(table.lane, table.state, total).where(table.day >= since)
        query = query.where(table.destination_kind != DestinationKind.WEBSUB)
        for lane, state, count in session.execute(query.group_by(table.lane, table.state)):
            counts[lane][DeliveryState(state)] += int(count)
    buckets: defaultdict[str, dict[int, int]] = defaultdict(dict)
    total = func.sum(DelayDay.count)
    delays = select(DelayDay.lane, DelayDay.bucket, total).where(DelayDay.day >= since)
    for lane, bucket, count in session.execute(delays.group_by(DelayDay.lane, DelayDay.bucket)):
        buckets[lane][bucket] = int(count)
    return {
        lane: Lane(counts[lane], percentile(buckets[lane], 0.5), percentile(buckets[lane], 0.95))
        for lane in sorted(counts)
        if lane
    }


def take_back(session: Session, group: Sequence[Notification]) -> None:
    """Drop the tallies of what is archived: its own counts and the sums of its day stay instead,
    and so do the delays."""
    of_id = {one.id: one for one in group}
    total = Counter[Cell]()
    found = select(Tally).where(Tally.notification_id.in_(of_id)).with_for_update()
    for tally in session.scalars(found.order_by(Tally.notification_id)):
        kind = of_id[tally.notification_id].kind
        total.update(cells_of(tally.day, kind, kept(tally)))
    total = Counter({cell: -count for cell, count in total.items()})
    add(session, total, Table.TALLIES)
    session.execute(delete(Tally).where(Tally.notification_id.in_(of_id)))


def kept(tally: Tally) -> Counter[Key]:
    return Counter({(kind, lane, state, bucket): n for kind, lane, state, bucket, n in tally.cells})


def cells_of(day: date, kind: str, counted: Counter[Key]) -> Counter[Cell]:
    found = Counter[Cell]()
    for (destination_kind, lane, state, _), count in counted.items():
        found[Cell(day, kind, destination_kind, lane, state)] += count
    return found


def delays_of(day: date, counted: Counter[Key]) -> Counter[Delay]:
    found = Counter[Delay]()
    for (destination_kind, lane, _, bucket), count in counted.items():
        if bucket is not None:
            found[Delay(day, destination_kind, lane, bucket)] += count
    return found
