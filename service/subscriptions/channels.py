"""Channels: public chat rooms and webhooks of the city, managed by staff.

A channel is three things that live together: the row with the sealed URL, a verified destination,
and one subscription for each topic and place that the room wants. How it wants to hear is in
`channel_options`, what staff do with it in `channel_acts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.halts import live_pauses
from service.models import (
    Channel,
    Destination,
    DestinationKind,
    HaltScope,
    Place,
    Subscription,
    Topic,
)
from service.settings import Settings
from service.subscriptions import chat_rooms
from service.subscriptions.channel_addresses import (
    DUPLICATE,
    address_hash,
    checked_address,
    masked,
)
from service.subscriptions.channel_options import (
    Options,
    apply,
    default_options,
    laid_over,
    options_of,
)
from service.subscriptions.chat_urls import N_, ChannelError
from service.subscriptions.choices import Choices, all_places, all_topics
from service.subscriptions.starting import start_subscriptions

__all__ = [
    "ChannelError",
    "add_channel",
    "channel_named",
    "channel_of",
    "checked_public_url",
    "choices_of",
    "destination_of",
    "list_channels",
    "options_of_channel",
    "paused",
    "public_channels",
    "wanted",
]

MAX_NAME = 100
MAX_PUBLIC_URL = 500


def add_channel(
    session: Session,
    vault: Vault,
    settings: Settings,
    *,
    name: str,
    url: str,
    topic_slugs: list[str],
    place_slugs: Iterable[str] = (),
    public_url: str = "",
    **options: Any,
) -> Channel:
    """Add a channel that hears of these topics (none: of all) and places (none: the whole city).

    The caller owns the transaction. Nothing is sent. `options`: see `channel_options.Options`.

    Raises:
        ChannelError: one clear sentence; nothing was stored.
    """
    name = checked_name(name)
    chat = checked_address(session, vault, settings, url)
    before, place_slugs = default_options(settings), list(place_slugs)
    chosen = laid_over(settings, before, options, scheme=chat.scheme, has_places=bool(place_slugs))
    choices = wanted(session, topic_slugs, place_slugs, chosen)
    channel = Channel(
        name=name,
        scheme=chat.scheme,
        sealed_url=vault.encrypt(chat.url),
        masked_url=masked(chat),
        room_hash=chat_rooms.room_hash(vault, chat.url),
        public_url=checked_public_url(public_url),
    )
    destination = Destination(
        kind=DestinationKind.CHAT,
        address="",
        address_hash=address_hash(vault, chat),
        lane=chat.scheme,
        verified_at=utcnow(),
    )
    apply(destination, chosen)
    _store(session, channel, destination)
    start_subscriptions(session, destination, choices)
    return channel


def wanted(
    session: Session, topic_slugs: Iterable[str], place_slugs: Iterable[str], options: Options
) -> Choices:
    """What a channel wants to hear of; no topics: all of them, no places: the whole city.

    Raises:
        ChannelError: one of them does not exist.
    """
    return Choices(
        topic_ids=_ids(all_topics(session), list(topic_slugs), "topics"),
        place_ids=_ids(all_places(session), list(place_slugs), "places"),
        frequency=options.frequency,
        is_local_only=options.local_only,
    )


def checked_name(name: str) -> str:
    """Raises ChannelError for none, and for one that is too long."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise ChannelError(N_("Give the channel a name of at most 100 characters."), "name")
    return name


def list_channels(session: Session) -> Sequence[Channel]:
    """All channels, oldest first: their order never changes under a reader's eyes."""
    live = select(Channel).where(Channel.removed_at.is_(None))
    return session.scalars(live.order_by(Channel.id)).all()


def channel_of(session: Session, channel_id: int, *, lock: bool = False) -> Channel | None:
    """A channel that was not removed; `lock`: nobody else changes it before the commit."""
    row = session.get(Channel, channel_id, with_for_update=lock or None, populate_existing=lock)
    return row if row is not None and row.removed_at is None else None


def channel_named(session: Session, name: str) -> Channel:
    """A live channel by its name.

    Raises:
        ChannelError: there is none.
    """
    live = select(Channel).where(Channel.name == name, Channel.removed_at.is_(None))
    channel = session.scalar(live)
    if channel is None:
        raise ChannelError(N_("There is no channel with the name %(name)s."), "name", name=name)
    return channel


def public_channels(session: Session) -> Sequence[Channel]:
    """The channels that citizens can join by themselves, but for those that are broken, by name."""
    return session.scalars(
        select(Channel)
        .where(Channel.public_url != "", Channel.is_paused.is_(False))
        .order_by(Channel.name)
    ).all()


def checked_public_url(url: str) -> str:
    """The address as it is shown: of the web, and without anything secret that one could see.

    Raises:
        ChannelError: it is another one.
    """
    url = url.strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_good = False
    if not is_good or len(url) > MAX_PUBLIC_URL or not url.isprintable() or " " in url:
        raise ChannelError(
            N_("The public address begins with https:// and holds no password."), "public_url"
        )
    return url


def paused(session: Session) -> dict[int, str]:
    """The channels that are not sent to now, with the reason.

    What is unsent waits where staff paused it. Where it paused itself, because its service refused
    us for good, that is suppressed until somebody mends it and resumes.
    """
    broken = select(Channel.id, Channel.pause_reason).where(
        Channel.is_paused.is_(True), Channel.removed_at.is_(None)
    )
    reasons = {row.id: row.pause_reason for row in session.execute(broken)}
    by_staff = live_pauses(session, HaltScope.CHANNEL)
    return reasons | {halt.object_id: halt.reason for halt in by_staff}


def destination_of(session: Session, channel_id: int) -> Destination | None:
    """Where messages for a channel go."""
    return session.scalar(select(Destination).where(Destination.channel_id == channel_id))


def _store(session: Session, channel: Channel, destination: Destination) -> None:
    """Unique keys, not checks, refuse a second channel of the same name or address."""
    try:
        with session.begin_nested():
            session.add(channel)
            session.flush()
    except IntegrityError:
        if session.scalar(select(Channel.id).where(Channel.name == channel.name)) is None:
            raise ChannelError(DUPLICATE) from None  # somebody took its room a moment ago
        raise ChannelError(
            N_("There is a channel with the name %(name)s already."), "name", name=channel.name
        ) from None
    destination.channel_id = channel.id
    try:
        with session.begin_nested():
            session.add(destination)
            session.flush()
    except IntegrityError:
        session.delete(channel)
        session.flush()
        raise ChannelError(DUPLICATE) from None


def options_of_channel(session: Session, channel_id: int) -> Options:
    """How a channel wants to hear."""
    destination = destination_of(session, channel_id)
    assert destination is not None, "a channel has its destination"
    return options_of(session, destination)


def choices_of(session: Session, channel_id: int) -> tuple[list[Topic] | None, list[Place] | None]:
    """The topics and places that a channel hears of now; None: all topics, the whole city."""
    asked = session.execute(
        select(Subscription.topic_id, Subscription.place_id)
        .join(Destination, Destination.id == Subscription.destination_id)
        .where(Destination.channel_id == channel_id, Subscription.ended_at.is_(None))
    ).all()
    topic_ids, place_ids = {row.topic_id for row in asked}, {row.place_id for row in asked}
    topics = [row for row in all_topics(session) if row.id in topic_ids]
    places = [row for row in all_places(session) if row.id in place_ids]
    return None if None in topic_ids else topics, None if None in place_ids else places


def _ids(
    rows: Sequence[Topic] | Sequence[Place], slugs: list[str], field: str
) -> tuple[int, ...] | None:
    if not slugs:
        return None
    ids = {row.slug: row.id for row in rows}
    for slug in slugs:
        if slug not in ids:
            text = N_("There is no topic or place called %(slug)s.")
            raise ChannelError(text, field, slug=slug[:64])
    return tuple(ids[slug] for slug in dict.fromkeys(slugs))
