"""What a channel was not told because it had paused itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import (
    Article,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    Revision,
)

LOOKED_AT = 1_000  # of a channel's newest deliveries
SHOWN = 20
LOST = (DeliveryState.REJECTED, DeliveryState.SUPPRESSED)


@dataclass(frozen=True)
class Missed:
    """One message. `title`: None for a list of several articles."""

    article_id: int | None
    title: str | None
    state: str


@dataclass(frozen=True)
class Loss:
    """How many messages of the newest `LOOKED_AT` were not sent, and the newest of them."""

    count: int
    newest: tuple[Missed, ...]


def missed(session: Session, channel: Channel) -> Loss:
    """What was refused or left out since it paused itself; nothing where it is sent to."""
    if not channel.is_paused or channel.paused_at is None:
        return Loss(0, ())
    of_channel = select(Destination.id).where(Destination.channel_id == channel.id)
    newest = (
        select(Delivery.notification_id, Delivery.state, Delivery.settled_at)
        .where(Delivery.destination_id == of_channel.scalar_subquery())
        .order_by(Delivery.notification_id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    found = session.execute(
        select(newest.c.state, Notification.article_id, Revision.title)
        .join(Notification, Notification.id == newest.c.notification_id)
        .outerjoin(Article, Article.id == Notification.article_id)
        .outerjoin(Revision, Revision.id == Article.revision_id)
        .where(newest.c.state.in_(LOST), Notification.kind != "service")
        .where(
            (newest.c.settled_at >= channel.paused_at)
            | (Notification.released_at >= channel.paused_at)
        )
        .order_by(newest.c.notification_id.desc())
    ).all()
    shown = (Missed(one.article_id, one.title, DeliveryState(one.state).word) for one in found)
    return Loss(len(found), tuple(shown)[:SHOWN])
