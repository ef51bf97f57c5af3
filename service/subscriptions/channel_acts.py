"""What staff do with channels, by page, API or command line: each act is one function, which
checks, changes and records it in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.db import utcnow
from service.ledger import halts
from service.models import Batch, Channel, HaltScope, Subscription
from service.settings import Settings
from service.subscriptions import channels
from service.subscriptions.channel_addresses import checked_address, set_address
from service.subscriptions.channel_options import apply, laid_over, options_of
from service.subscriptions.channel_tests import ask
from service.subscriptions.chat_urls import N_, ChannelError
from service.subscriptions.choices import Choices
from service.subscriptions.endings import BY_STAFF, end_rows
from service.subscriptions.starting import start_subscriptions


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
    **options: Any,
) -> Channel:
    """Add a channel; see `channels.add_channel`.

    Raises:
        ChannelError: one clear sentence; nothing was stored.
    """
    places = list(places)
    channel = channels.add_channel(
        *(session, vault, settings),
        name=name,
        url=url,
        topic_slugs=topics,
        place_slugs=places,
        public_url=public_url,
        **options,
    )
    detail: dict[str, Any] = {"name": channel.name, "scheme": channel.scheme}
    detail |= {"topics": topics or ["all"], "places": places}
    detail |= {name: value for name, value in options.items() if value}
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
    **options: Any,
) -> list[str]:
    """Change what is given of a locked channel; returns the names of what is other than before.

    What waits for it goes to the new address, in the new language. `topics` and `places` are
    given together or as they were: an empty list is all topics, the whole city. `options`: see
    `channel_options.Options`; None: as it was.

    Raises:
        ChannelError: the first that cannot be so; roll back.
    """
    changed: dict[str, Any] = {}
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    plain: dict[str, Any] = {}
    if name is not None:
        plain["name"] = channels.checked_name(name)
    if public_url is not None:
        plain["public_url"] = channels.checked_public_url(public_url)
    for field, value in plain.items():
        if getattr(channel, field) != value:
            changed[field] = [getattr(channel, field), value]
            setattr(channel, field, value)
    _flush(session, N_("There is a channel with the name %(name)s already."), "name", channel.name)
    if url is not None:
        chat = checked_address(session, vault, settings, url, channel.id)
        set_address(session, vault, channel, destination, chat)
        changed["url"] = channel.masked_url
    now_topics, now_places = channels.choices_of(session, channel.id)
    before = ([t.slug for t in now_topics or ()], [p.slug for p in now_places or ()])
    after = (
        before[0] if topics is None else list(dict.fromkeys(topics)),
        before[1] if places is None else list(dict.fromkeys(places)),
    )
    held = options_of(session, destination)
    wanted = laid_over(settings, held, options, scheme=channel.scheme, has_places=bool(after[1]))
    if wanted != held:
        was, becomes = held.as_json(), wanted.as_json()
        changed |= {
            field: [was[field], becomes[field]] for field in was if was[field] != becomes[field]
        }
        apply(destination, wanted)
    choices = channels.wanted(session, *after, wanted)
    if _choose(session, destination.id, choices):
        changed["hears_of"] = [[*before], [*after]]
    if not changed.keys().isdisjoint(("hears_of", "frequency", "local_only")):
        start_subscriptions(session, destination, choices)
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


def try_again(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    channel: Channel,
    request_id: str,
    now: datetime,
) -> Batch:
    """Resume a channel and send it a test, which pauses it again where it is refused again; for the
    batch `ring_batch`, and call `hold.free_held`, after the commit."""
    halts.resume(session, HaltScope.CHANNEL, channel.id, now)
    batch = ask(session, channel, request_id)
    noted = batch.notification_id
    acts.record(session, vault, actor, "channel.try-again", channel.id, notification_id=noted)
    return batch


def resume(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, now: datetime
) -> bool:
    """Send to it again, also where it paused itself; call `hold.free_held` after the commit."""
    is_ended = halts.resume(session, HaltScope.CHANNEL, channel.id, now)
    if is_ended:
        acts.record(session, vault, actor, "channel.resume", channel.id)
    return is_ended


def _flush(session: Session, text: str, field: str, name: str) -> None:
    """Unique keys, not checks, refuse a second channel of the same name or address."""
    try:
        session.flush()
    except IntegrityError:
        raise ChannelError(text, field, name=name) from None
