"""Sums a day: how the deliveries of what was released on a day of the city came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Date, bindparam, func, select, text
from sqlalchemy.orm import Session

from service.models import Delivery, DeliveryDay, DeliveryState, Destination, Notification, TallyDay

ADD = """
    INSERT INTO {0} (day, kind, destination_kind, lane, state, count)
    VALUES (:day, :kind, :destination_kind, :lane, :state, :count)
    ON CONFLICT (day, kind, destination_kind, lane, state)
    DO UPDATE SET count = {0}.count + excluded.count
"""


class Table(StrEnum):
    """Where sums are kept: of what is archived, and of what still has its rows."""

    ARCHIVED = "delivery_day"
    TALLIES = "tally_day"


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


def add(session: Session, cells: Mapping[Cell, int], table: Table = Table.ARCHIVED) -> None:
    """Add to the sums, in one order, so that two who do so never wait for each other in a circle.
    What is negative is taken back."""
    changed = [{**vars(cell), "count": cells[cell]} for cell in sorted(cells) if cells[cell]]
    if changed:
        statement = text(ADD.format(table)).bindparams(bindparam("day", type_=Date()))
        session.connection().execute(statement, changed)


def sums(session: Session, since: date, until: date) -> Counter[Cell]:
    """All deliveries of the days from `since` to `until`, as they were counted last.

    On PostgreSQL the transaction must see one moment (`at_one_moment`): what is archived meanwhile
    would be missing, or count twice.
    """
    archived = session.scalars(select(DeliveryDay).where(DeliveryDay.day.between(since, until)))
    tallied = session.scalars(select(TallyDay).where(TallyDay.day.between(since, until)))
    total = Counter[Cell]()
    for row in (*archived, *tallied):
        total[Cell(row.day, row.kind, row.destination_kind, row.lane, row.state)] += row.count
    return +total


def at_one_moment(session: Session) -> None:
    """Let all statements of a transaction see the same; before its first one."""
    if session.get_bind().dialect.name != "sqlite":  # which always does
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
