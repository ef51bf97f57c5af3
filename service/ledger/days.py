"""Sums a day: how the deliveries of what was released on a day of the city came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Date, bindparam, func, select, text
from sqlalchemy.orm import Session

from service.db import Database
from service.models import Delivery, DeliveryDay, DeliveryState, Destination, Notification

AT_ONCE = 500  # notifications a statement

ADD = text("""
    INSERT INTO delivery_day (day, kind, destination_kind, lane, state, count)
    VALUES (:day, :kind, :destination_kind, :lane, :state, :count)
    ON CONFLICT (day, kind, destination_kind, lane, state)
    DO UPDATE SET count = delivery_day.count + excluded.count
""").bindparams(bindparam("day", type_=Date()))


@dataclass(frozen=True, order=True)
class Cell:
    """What is counted as one: deliveries of a day that are alike in all of this."""

    day: date
    kind: str
    destination_kind: str
    lane: str
    state: int

    @property
    def outcome(self) -> str:
        return DeliveryState(self.state).word


def day_of(notification: Notification, zone: ZoneInfo) -> date:
    """The city's day on which it was released."""
    return (notification.released_at or notification.created_at).astimezone(zone).date()


def count_cells(
    session: Session, notifications: Collection[Notification], zone: ZoneInfo
) -> Mapping[int, Counter[Cell]]:
    """The deliveries of each notification, by cell: a walk along the primary key."""
    of_id = {one.id: one for one in notifications}
    counted: dict[int, Counter[Cell]] = {id_: Counter() for id_ in of_id}
    kind, lane = func.coalesce(Destination.kind, ""), func.coalesce(Destination.lane, "")
    found = session.execute(
        select(Delivery.notification_id, kind, lane, Delivery.state, func.count())
        .outerjoin(Destination, Destination.id == Delivery.destination_id)
        .where(Delivery.notification_id.in_(of_id))
        .group_by(Delivery.notification_id, Destination.kind, Destination.lane, Delivery.state)
    )
    for id_, destination_kind, its_lane, state, count in found:
        day = day_of(of_id[id_], zone)
        counted[id_][Cell(day, of_id[id_].kind, destination_kind, its_lane, state)] += count
    return counted


def add(session: Session, cells: Mapping[Cell, int]) -> None:
    """Add to the sums, in one order, so that two who do so never wait for each other."""
    for cell in sorted(cells):
        session.execute(ADD, {**vars(cell), "count": cells[cell]})


def sums(db: Database, since: date, until: date, zone: ZoneInfo) -> Counter[Cell]:
    """All deliveries of the days from `since` to `until`: those that were summed, and those whose
    rows still exist, which are counted now. Owns its transaction, which sees one moment."""
    first, end = (datetime.combine(one, time(), zone) for one in (since, until + timedelta(1)))
    moment = func.coalesce(Notification.released_at, Notification.created_at)
    with db.read() as session:
        if not db.is_sqlite:  # else what is archived meanwhile would be missing, or count twice
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        kept = session.scalars(select(DeliveryDay).where(DeliveryDay.day.between(since, until)))
        total = Counter({_cell(row): row.count for row in kept})
        live = session.scalars(
            select(Notification)
            .where(Notification.cleared_at.is_(None), Notification.archived_at.is_(None))
            .where(moment >= first, moment < end)
        ).all()
        for part in _batched(live, AT_ONCE):
            for cells in count_cells(session, part, zone).values():
                total += cells
    return total


def _cell(row: DeliveryDay) -> Cell:
    return Cell(row.day, row.kind, row.destination_kind, row.lane, row.state)


def _batched(found: Sequence[Notification], size: int) -> Iterator[Sequence[Notification]]:
    return (found[start : start + size] for start in range(0, len(found), size))
