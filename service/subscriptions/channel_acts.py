"""What staff do with channels, by page, API or command line: each act is one function, which
checks, changes and records it in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.db import rows, utcnow
from service.ledger import halts
from service.models import (
    Channel,
    Delivery,
    DeliveryState,
    HaltScope,
    SentMessage,
    Subscription,
)
from service.settings import Settings
from service.subscriptions import channels
from service.subscriptions.channels import ChannelError
from service.subscriptions.chat_urls import N_, parse_chat_url, require_one_target
from service.subscriptions.choices import Choices
from service.subscriptions.endings import end_rows
from service.subscriptions.starting import start_subscriptions

BY_STAFF = "staff"  # why a subscription of a channel ended
REMOVED = "the channel was removed"
MOST_LOOKED_AT = 1_000  # of a channel's newest deliveries
KEPT_NAME = 75  # characters of a removed channel's name, so that its number fits behind


@dataclass(frozen=True)
class Loss:
    """What removing a channel ends: its subscriptions, and what is not sent yet of its newest
    `MOST_LOOKED_AT` deliveries."""

    subscriptions: int
    unsent: int


def add(
    session: Session,
    vault: Vault,
    settings: Settings,
    actor: Actor | None,
    *,
    name: str,
    url: str,
    topics: list[str],
    places: Iterable[str] = (),
    public_url: str = "",
    language: str = "",
) -> Channel:
    """Add a channel; see `channels.add_channel`.

    Raises:
        ChannelError: one clear sentence; nothing was stored.
    """
    channel = channels.add_channel(
        *(session, vault, settings),
        name=name,
        url=url,
        topic_slugs=topics,
        place_slugs=places,
        public_url=public_url,
        language=language,
    )
    detail: dict[str, Any] = {"name": channel.name, "scheme": channel.scheme}
    detail |= {"topics": topics or ["all"], "places": list(places)}
    acts.record(session, vault, actor, "channel.add", channel.id, **detail)
    return channel


def change(
    session: Session,
    vault: Vault,
    settings: Settings,
    actor: Actor | None,
    channel: Channel,
    *,
    name: str | None = None,
    url: str | None = None,
    topics: list[str] | None = None,
    places: list[str] | None = None,
    public_url: str | None = None,
    language: str | None = None,
) -> list[str]:
    """Change what is given of a locked channel; returns the names of what is other than before.

    What waits for it goes to the new address, in the new language. `topics` and `places` are
    given together or as they were: an empty list is all topics, the whole city.

    Raises:
        ChannelError: the first that cannot be so; roll back.
    """
    changed: dict[str, Any] = {}
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    plain: dict[str, tuple[Any, str]] = {}
    if name is not None:
        plain["name"] = (channel, channels.checked_name(name))
    if public_url is not None:
        plain["public_url"] = (channel, channels.checked_public_url(public_url))
    if language is not None:
        plain["language"] = (destination, channels.checked_language(settings, language))
    for field, (row, value) in plain.items():
        if getattr(row, field) != value:
            changed[field] = [getattr(row, field), value]
            setattr(row, field, value)
    _flush(session, N_("There is a channel with the name %(name)s already."), "name", channel.name)
    if url is not None:
        chat = parse_chat_url(url, settings)
        require_one_target(chat.url)
        channel.sealed_url, channel.masked_url = vault.encrypt(chat.url), chat.masked
        channel.scheme = destination.lane = chat.scheme
        destination.address_hash = vault.keyed_hash("address", f"chat:{chat.url}")
        changed["url"] = chat.masked
        _flush(session, N_("There is a channel with this address already."), "url", "")
    if topics is not None or places is not None:
        now_topics, now_places = channels.choices_of(session, channel.id)
        before = ([t.slug for t in now_topics or ()], [p.slug for p in now_places or ()])
        after = (
            before[0] if topics is None else list(dict.fromkeys(topics)),
            before[1] if places is None else list(dict.fromkeys(places)),
        )
        if _choose(session, destination.id, channels.wanted(session, *after)):
            changed["hears_of"] = [[*before], [*after]]
            start_subscriptions(session, destination, channels.wanted(session, *after))
    if changed:
        acts.record(session, vault, actor, "channel.change", channel.id, changed=changed)
    return sorted(changed)


def _choose(session: Session, destination_id: int, choices: Choices) -> bool:
    """End what is not chosen any more; whether there is anything to end or to begin."""
    chosen = set(choices.pairs())
    live = session.execute(
        select(Subscription.id, Subscription.topic_id, Subscription.place_id).where(
            Subscription.destination_id == destination_id, Subscription.ended_at.is_(None)
        )
    ).all()
    gone = [row.id for row in live if (row.topic_id, row.place_id) not in chosen]
    if gone:
        end_rows(session, destination_id, BY_STAFF, utcnow(), Subscription.id.in_(gone))
    return bool(gone) or len(live) < len(chosen)


def pause(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    channel: Channel,
    reason: str,
    now: datetime,
) -> bool:
    """Let what is unsent wait; False where it was paused by staff already.

    Raises:
        ChannelError: without a reason.
    """
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise ChannelError(N_("Write a reason"), "reason")
    who = actor.staff_id if actor else None
    is_new = halts.pause(session, HaltScope.CHANNEL, channel.id, reason, who, now)
    if is_new:
        acts.record(session, vault, actor, "channel.pause", channel.id, reason=reason)
    return is_new


def resume(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, now: datetime
) -> bool:
    """Send to it again, also where it paused itself; call `hold.free_held` after the commit."""
    is_ended = halts.resume(session, HaltScope.CHANNEL, channel.id, now)
    if is_ended:
        acts.record(session, vault, actor, "channel.resume", channel.id)
    return is_ended


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
    """Send nothing to it any more, and forget its address. What was sent stays in the ledger, and
    what was not is suppressed.

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
    session.execute(
        update(Channel)
        .where(Channel.id == channel.id)
        .values(is_paused=True, pause_reason=REMOVED)
        .execution_options(synchronize_session=False)
    )
    detail: dict[str, Any] = {"name": name, "reason": reason, "subscriptions": len(ended)}
    acts.record(session, vault, actor, "channel.remove", channel.id, **detail)


def _flush(session: Session, text: str, field: str, name: str) -> None:
    """Unique keys, not checks, refuse a second channel of the same name or address."""
    try:
        session.flush()
    except IntegrityError:
        raise ChannelError(text, field, name=name) from None
