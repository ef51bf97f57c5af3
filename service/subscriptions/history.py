"""What a person was sent, and why: a walk down the ledger's index, newest first, page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from service.models import (
    Bounce,
    BounceVerdict,
    ChatTarget,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Notification,
    NotificationKind,
)
from service.subscriptions.persons import person_of
from service.subscriptions.stories_told import (
    Reason,
    Row,
    Story,
    reasons_of,
    stories_of,
    told_by,
)

PAGE = 50
SHOWN = timedelta(days=90)
_RETURNED = (BounceVerdict.HARD, BounceVerdict.DISABLED, BounceVerdict.SOFT, BounceVerdict.OURS)


class Fate(StrEnum):
    """What became of a message, as a reader would put it."""

    SENT = "sent"
    ON_ITS_WAY = "on its way"
    WAITS = "waits"
    RETURNED = "returned"
    FAILED = "failed"
    IN_DOUBT = "in doubt"
    NOT_SENT = "not sent"


_FATES = {
    DeliveryState.QUEUED: Fate.ON_ITS_WAY,
    DeliveryState.SENT: Fate.SENT,
    DeliveryState.DEFERRED: Fate.WAITS,
    DeliveryState.REJECTED: Fate.FAILED,
    DeliveryState.UNKNOWN: Fate.IN_DOUBT,
    DeliveryState.SUPPRESSED: Fate.NOT_SENT,
    DeliveryState.CANCELLED: Fate.NOT_SENT,
}


@dataclass(frozen=True)
class Line:
    """One message to one address. One of the service itself has no story and no reason; a summary
    that was not sent has told no story."""

    notification_id: int
    destination_id: int
    at: datetime
    kind: NotificationKind
    fate: Fate
    template: str = ""
    reason: Reason | None = None
    stories: tuple[Story, ...] = ()


@dataclass(frozen=True)
class Page:
    """Some lines, and the number to ask for the next ones with; null after the last."""

    lines: list[Line] = field(default_factory=list)
    next: int | None = None


def names_of(session: Session, destination_id: int) -> dict[int, str]:
    """All that a person has been written to, by number: addresses, and their chats as they are
    masked, also those that have ended."""
    names = {one.id: one.address for one in person_of(session, destination_id)}
    if not names:
        return {}
    subscriber = select(Destination.subscriber_id).where(Destination.id == destination_id)
    chats = session.execute(
        select(Destination.id, ChatTarget.label)
        .join(ChatTarget, ChatTarget.destination_id == Destination.id)
        .where(Destination.subscriber_id == subscriber.scalar_subquery())
        .where(Destination.kind == DestinationKind.CHAT)
        .order_by(Destination.id)
    )
    return names | {row.id: row.label for row in chats}


def page(
    session: Session,
    destination_ids: Sequence[int],
    *,
    since: datetime | None,
    before: int | None = None,
    size: int = PAGE,
) -> Page:
    """Messages to these addresses, newest first, from before a notification's number on.

    Each address is a walk of its own along `ix_delivery_destination_id`, of at most `size` steps,
    whatever the ledger holds.
    """
    found = [
        row for id_ in destination_ids for row in _newest(session, id_, since, before, size + 1)
    ]
    found.sort(key=lambda row: (-row[1].id, row[0].destination_id))
    following = None
    if len(found) > size:
        following = found[size - 1][1].id  # no notification is torn between two pages
        found = [row for row in found if row[1].id >= following]
    return Page(_lines(session, found), following)


def _newest(
    session: Session, destination_id: int, since: datetime | None, before: int | None, size: int
) -> Iterator[Row]:
    """Numbers rise with time, so the first one that is too old ends the walk."""
    query = (
        select(Delivery, Notification)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Delivery.destination_id == destination_id)
        .order_by(Delivery.notification_id.desc())
        .limit(size)
    )
    if before is not None:
        query = query.where(Delivery.notification_id < before)
    for delivery, notification in session.execute(query).all():
        if since is not None and notification.created_at < since:
            return
        yield delivery, notification


def _lines(session: Session, found: Sequence[Row]) -> list[Line]:
    told = told_by(session, found)
    asked = {one.subscription_id for tales in told.values() for one in tales}
    asked |= {delivery.subscription_id for delivery, _ in found}
    reasons = reasons_of(session, {id_ for id_ in asked if id_})
    stories = stories_of(session, told, reasons)
    returned = _returned(session, [(d.notification_id, d.destination_id) for d, _ in found])
    return [
        Line(
            notification_id=notification.id,
            destination_id=delivery.destination_id,
            at=delivery.settled_at or notification.released_at or notification.created_at,
            kind=NotificationKind(notification.kind),
            fate=_fate(delivery, returned),
            template=str(notification.payload.get("template", "")),
            reason=reasons.get(delivery.subscription_id or 0),
            stories=stories.get((notification.id, delivery.destination_id), ()),
        )
        for delivery, notification in found
    ]


def _fate(delivery: Delivery, returned: Collection[tuple[int, int]]) -> Fate:
    is_returned = (delivery.notification_id, delivery.destination_id) in returned
    fate = _FATES[DeliveryState(delivery.state)]
    return Fate.RETURNED if fate is Fate.SENT and is_returned else fate


def _returned(session: Session, pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    if not pairs:
        return set()
    rows = session.execute(
        select(Bounce.notification_id, Bounce.destination_id)
        # By itself SQLite would read the whole table for pairs.
        .where(Bounce.destination_id.in_({destination for _, destination in pairs}))
        .where(tuple_(Bounce.notification_id, Bounce.destination_id).in_(pairs))
        .where(Bounce.verdict.in_(_RETURNED))
    )
    return {(notification, destination) for notification, destination in rows}
