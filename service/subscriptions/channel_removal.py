"""The end of a channel: what it costs, and how its address is forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.db import rows
from service.ledger import halts
from service.models import (
    Channel,
    Delivery,
    DeliveryState,
    HaltScope,
    SentMessage,
    Subscription,
    WebhookKey,
)
from service.subscriptions import channels
from service.subscriptions.chat_urls import N_, ChannelError
from service.subscriptions.endings import BY_STAFF, end_rows

REMOVED = "the channel was removed"
MOST_LOOKED_AT = 1_000  # of a channel's newest deliveries
KEPT_NAME = 75  # characters of a removed channel's name, so that its number fits behind


@dataclass(frozen=True)
class Loss:
    """What removing a channel ends: its subscriptions, and what is not sent yet of its newest
    `MOST_LOOKED_AT` deliveries."""

    subscriptions: int
    unsent: int


def loss(session: Session, channel_id: int) -> Loss:
    """What `remove` would end: the dry run."""
    destination = channels.destination_of(session, channel_id)
    if destination is None:
        return Loss(0, 0)
    live = select(func.count()).select_from(Subscription)
    live = live.where(Subscription.destination_id == destination.id)
    newest = (
        select(Delivery.state)
        .where(Delivery.destination_id == destination.id)
        .order_by(Delivery.notification_id.desc())
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    unsent = select(func.count()).select_from(newest)
    unsent = unsent.where(newest.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)))
    return Loss(
        session.scalar(live.where(Subscription.ended_at.is_(None))) or 0,
        session.scalar(unsent) or 0,
    )


def remove(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    channel: Channel,
    now: datetime,
    *,
    confirmed: str,
    reason: str,
) -> None:
    """Send nothing to it any more, and forget its address and its secret. What was sent stays in
    the ledger, and what was not is suppressed.

    Raises:
        ChannelError: no reason, or what was typed is not its name.
    """
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise ChannelError(N_("Write a reason"), "reason")
    if " ".join(confirmed.split()) != channel.name:
        raise ChannelError(N_("Type the channel’s name as it stands there."), "confirmed")
    name = channel.name
    done = rows(
        session,
        update(Channel)
        .where(Channel.id == channel.id, Channel.removed_at.is_(None))
        .values(
            removed_at=now,
            name=f"{name[:KEPT_NAME]} #{channel.id}",
            sealed_url="",
            next_sealed_url="",
            next_masked_url="",
            next_test_id=None,
            public_url="",
        ),
    )
    if not done:
        return
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    ended = end_rows(session, destination.id, BY_STAFF, now)
    destination.is_paused = True  # what is queued is suppressed at the next look
    destination.address_hash = vault.keyed_hash("address", f"removed:{channel.id}")
    halts.resume(session, HaltScope.CHANNEL, channel.id, now)
    session.execute(delete(SentMessage).where(SentMessage.destination_id == destination.id))
    session.execute(delete(WebhookKey).where(WebhookKey.channel_id == channel.id))
    session.execute(
        update(Channel)
        .where(Channel.id == channel.id)
        .values(is_paused=True, pause_reason=REMOVED)
        .execution_options(synchronize_session=False)
    )
    detail: dict[str, Any] = {"name": name, "reason": reason, "subscriptions": len(ended)}
    acts.record(session, vault, actor, "channel.remove", channel.id, **detail)
