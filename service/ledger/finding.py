"""Finding deliveries: of an article's notification or of one reader, by outcome and time.

A page looks at a bounded window of the ledger along an index; where it holds fewer matches than a
page shows, the next look goes on behind it. Nothing is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session, aliased

from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Notification,
)

WINDOW = 20_000  # rows of the ledger that one page looks at
PAGE_SIZE = 50
MOST_ANSWERS = 10  # of one delivery that are shown


@dataclass(frozen=True)
class Wanted:
    """What is looked for; `until` is excluded. One of the first two is given."""

    notification_id: int | None = None
    reader_id: int | None = None
    state: DeliveryState | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Found:
    """One delivery with its answers, the newest first. `is_sending`: a worker has it in hand."""

    delivery: Delivery
    notification: Notification
    answers: Sequence[DeliveryAnswer]
    is_sending: bool


def find(session: Session, wanted: Wanted, after: int | None) -> tuple[list[Found], int | None]:
    """A page, and where the next one begins; null where nothing is left.

    Of a notification in the order of its readers; of a reader the newest first.
    """
    of_reader = wanted.reader_id is not None
    key = Delivery.notification_id if of_reader else Delivery.destination_id
    window = select(Delivery)
    if of_reader:
        window = window.where(Delivery.destination_id == wanted.reader_id)
        if wanted.notification_id is not None:
            window = window.where(key == wanted.notification_id)
        window = window.where(key < after) if after is not None else window
    else:
        window = window.where(Delivery.notification_id == wanted.notification_id)
        window = window.where(key > after) if after is not None else window
    order = key.desc() if of_reader else key
    rows = window.order_by(order).limit(WINDOW).subquery()
    seen = aliased(Delivery, rows)
    position = seen.notification_id if of_reader else seen.destination_id
    query = _filtered(select(seen), seen, wanted)
    query = query.order_by(position.desc() if of_reader else position).limit(PAGE_SIZE + 1)
    shown = session.scalars(query).all()
    if len(shown) > PAGE_SIZE:
        shown = shown[:PAGE_SIZE]
        last = shown[-1]
        further: int | None = last.notification_id if of_reader else last.destination_id
    else:
        ends = select(rows.c.notification_id if of_reader else rows.c.destination_id)
        further = session.scalar(ends.offset(WINDOW - 1))
    return _with_answers(session, shown), further


def _filtered(query: Select[Delivery], seen: type[Delivery], wanted: Wanted) -> Select[Delivery]:
    if wanted.state is not None:
        query = query.where(seen.state == wanted.state)
    if wanted.since is not None:
        query = query.where(seen.settled_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(seen.settled_at < wanted.until)
    return query


def newest_answers(
    session: Session, wanted: Wanted, before: int | None
) -> tuple[list[DeliveryAnswer], int | None]:
    """What the other sides said last, of all deliveries: whatever was not a plain yes."""
    window = select(DeliveryAnswer)
    if before is not None:
        window = window.where(DeliveryAnswer.id < before)
    rows = window.order_by(DeliveryAnswer.id.desc()).limit(WINDOW).subquery()
    seen = aliased(DeliveryAnswer, rows)
    query = select(seen)
    if wanted.state is not None:
        query = query.where(seen.state == wanted.state)
    if wanted.since is not None:
        query = query.where(seen.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(seen.at < wanted.until)
    found = session.scalars(query.order_by(seen.id.desc()).limit(PAGE_SIZE + 1)).all()
    if len(found) > PAGE_SIZE:
        return list(found[:PAGE_SIZE]), found[PAGE_SIZE - 1].id
    return list(found), session.scalar(select(rows.c.id).offset(WINDOW - 1))


def _with_answers(session: Session, shown: Sequence[Delivery]) -> list[Found]:
    pairs = [(one.notification_id, one.destination_id) for one in shown]
    answers: defaultdict[tuple[int, int], list[DeliveryAnswer]] = defaultdict(list)
    its = tuple_(DeliveryAnswer.notification_id, DeliveryAnswer.destination_id).in_(pairs)
    query = select(DeliveryAnswer).where(its).order_by(DeliveryAnswer.id.desc())
    for answer in session.scalars(query.limit(PAGE_SIZE * MOST_ANSWERS)):
        answers[answer.notification_id, answer.destination_id].append(answer)
    about = select(Notification).where(Notification.id.in_({one for one, _ in pairs}))
    notifications = {one.id: one for one in session.scalars(about)}
    batches = {one.batch_id for one in shown if one.state == DeliveryState.QUEUED}
    leased = set(
        session.scalars(
            select(Batch.id).where(Batch.id.in_(batches), Batch.state == BatchState.LEASED)
        )
    )
    return [
        Found(
            one,
            notifications[one.notification_id],
            answers[one.notification_id, one.destination_id][:MOST_ANSWERS],
            one.state == DeliveryState.QUEUED and one.batch_id in leased,
        )
        for one in shown
    ]
