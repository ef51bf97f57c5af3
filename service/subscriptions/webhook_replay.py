"""Sending a webhook's events again, because staff ask for it: to that channel, and nobody else.

Each is a delivery of its own (invariant 14), so what was sent before stays as it was; but it
carries the number of the first, by which its receiver knows what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ledger.direct import queue_direct
from service.models import (
    Article,
    ArticleState,
    Batch,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
)
from service.subscriptions import channels
from service.subscriptions.channel_error import N_, ChannelError
from service.subscriptions.webhook_keys import key_of, require_webhook

REPLAY = "webhook_replay"
MOST = 200  # events of one act
WINDOW = 20_000  # of a channel's newest deliveries that are looked at
TOLD = (NotificationKind.NEW, NotificationKind.CORRECTION, NotificationKind.WITHDRAWAL)
# What waits is sent anyway, and what staff cancelled is not wanted.
OVER = (
    *(DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.UNKNOWN),
    DeliveryState.SUPPRESSED,
)


@dataclass(frozen=True)
class Replayed:
    """What was queued, oldest first. `further`: after which notification the rest begins; null
    where there is none."""

    batches: Sequence[Batch]
    further: int | None


def replay(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    channel: Channel,
    *,
    since: datetime | None = None,
    article_id: int | None = None,
    after: int = 0,
    request_id: str = "",
) -> Replayed:
    """Queue a locked channel's events again: of an article, or all that ended since a moment.

    What waits, what was cancelled, and news of what was withdrawn meanwhile is left out; so is what
    a replay before has queued and not sent yet. Ring for the batches after the commit.

    Raises:
        ChannelError: one clear sentence; nothing was queued.
    """
    destination = _ready(session, channel)
    if (since is None) == (article_id is None):
        raise ChannelError(N_("Say from when, or which article: one of the two."), "since")
    found = _found(session, destination.id, since, article_id, after)
    waiting = _waiting(session, destination.id)
    batches = [
        queue_direct(
            session,
            destination=destination,
            template=REPLAY,
            payload={"of": one},
            request_id=request_id,
        )
        for one in found[:MOST]
        if one not in waiting
    ]
    if batches:
        asked = {"since": since} if since is not None else {"article": article_id}
        acts.record(
            *(session, vault, actor, "channel.replay", channel.id), **asked, events=len(batches)
        )
    return Replayed(batches, found[MOST - 1] if len(found) > MOST else None)


def number_of(notification: Notification, destination_id: int) -> str:
    """The number of an event, which is its `webhook-id`: a replay has that of the first."""
    first = notification.payload.get("of", notification.id)
    return f"{first}-{destination_id}"


def articles_of(session: Session, told: Sequence[Notification]) -> list[int | None]:
    """The article that each is about, also where it repeats another."""
    first = [int(one.payload["of"]) for one in told if "of" in one.payload]
    query = select(Notification.id, Notification.article_id).where(Notification.id.in_(first))
    repeated = {row.id: row.article_id for row in session.execute(query)}
    return [one.article_id or repeated.get(int(one.payload.get("of", 0))) for one in told]


def _ready(session: Session, channel: Channel) -> Destination:
    """Where events of a channel go that can be sent to."""
    require_webhook(channel)
    if channel.id in channels.paused(session):
        raise ChannelError(N_("The channel is paused: resume it first."), "since")
    if key_of(session, channel.id) is None:
        raise ChannelError(N_("Make its signing secret first."), "since")
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    return destination


def _found(
    session: Session,
    destination_id: int,
    since: datetime | None,
    article_id: int | None,
    after: int,
) -> Sequence[int]:
    """The notifications that are meant, oldest first, one more than an act takes."""
    newest = (
        select(Delivery)
        .where(Delivery.destination_id == destination_id)
        .order_by(Delivery.notification_id.desc())
        .limit(WINDOW)
        .subquery()
    )
    seen = aliased(Delivery, newest) if article_id is None else Delivery
    query = (
        select(Notification.id)
        .join(seen, seen.notification_id == Notification.id)
        .join(Article, Article.id == Notification.article_id)
        .where(seen.destination_id == destination_id, seen.state.in_(OVER))
        .where(Notification.kind.in_(TOLD), Notification.id > after)
        .where(
            (Article.state != ArticleState.WITHDRAWN)
            | (Notification.kind == NotificationKind.WITHDRAWAL)
        )
    )
    if since is not None:
        query = query.where(seen.settled_at >= since)
    if article_id is not None:
        query = query.where(Notification.article_id == article_id)
    return session.scalars(query.order_by(Notification.id).limit(MOST + 1)).all()


def _waiting(session: Session, destination_id: int) -> set[int]:
    """What a replay before is about to send."""
    newest = (
        select(Delivery.notification_id, Delivery.state)
        .where(Delivery.destination_id == destination_id)
        .order_by(Delivery.notification_id.desc())
        .limit(WINDOW)
        .subquery()
    )
    payloads = session.scalars(
        select(Notification.payload)
        .join(newest, newest.c.notification_id == Notification.id)
        .where(newest.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)))
        .where(Notification.kind == NotificationKind.SERVICE)
    )
    return {payload["of"] for payload in payloads if payload.get("template") == REPLAY}
