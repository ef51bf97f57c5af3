"""Channels: public chat rooms and webhooks of the city, managed by staff.

A channel is three things that live together: the row with the sealed URL, a verified destination,
and one subscription for each topic and place that the room wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.halts import live_pauses
from service.models import Channel, Destination, DestinationKind, HaltScope, Place, Topic
from service.settings import Settings
from service.subscriptions.chat_urls import (
    N_,
    ChannelError,
    parse_chat_url,
    require_one_target,
)
from service.subscriptions.choices import Choices, all_places, all_topics
from service.subscriptions.starting import start_subscriptions

__all__ = [
    "ChannelError",
    "add_channel",
    "destination_of",
    "list_channels",
    "paused",
    "public_channels",
    "set_public_url",
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
) -> Channel:
    """Add a channel that hears of these topics (none: of all) and places (none: the whole city).

    The caller owns the transaction. Nothing is sent.

    Raises:
        ChannelError: one clear sentence; nothing was stored.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise ChannelError(N_("Give the channel a name of at most 100 characters."), "name")
    chat = parse_chat_url(url, settings)
    require_one_target(chat.url)
    choices = Choices(
        topic_ids=_ids(all_topics(session), topic_slugs),
        place_ids=_ids(all_places(session), list(place_slugs)),
    )
    channel = Channel(
        name=name,
        scheme=chat.scheme,
        sealed_url=vault.encrypt(chat.url),
        masked_url=chat.masked,
        public_url=checked_public_url(public_url),
    )
    destination = Destination(
        kind=DestinationKind.CHAT,
        address="",
        address_hash=vault.keyed_hash("address", f"chat:{chat.url}"),
        lane=chat.scheme,
        verified_at=utcnow(),
    )
    _store(session, channel, destination)
    start_subscriptions(session, destination, choices)
    return channel


def list_channels(session: Session) -> Sequence[Channel]:
    """All channels, oldest first: their order never changes under a reader's eyes."""
    return session.scalars(select(Channel).order_by(Channel.id)).all()


def public_channels(session: Session) -> Sequence[Channel]:
    """The channels that citizens can join by themselves, but for those that are broken, by name."""
    return session.scalars(
        select(Channel)
        .where(Channel.public_url != "", Channel.is_paused.is_(False))
        .order_by(Channel.name)
    ).all()


def set_public_url(session: Session, name: str, url: str) -> None:
    """Say where citizens can join a channel; empty: nowhere.

    Raises:
        ChannelError: there is no such channel, or no such address.
    """
    channel = session.scalar(select(Channel).where(Channel.name == name))
    if channel is None:
        raise ChannelError(N_("There is no channel with the name %(name)s."), "name", name=name)
    channel.public_url = checked_public_url(url)


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
    broken = select(Channel.id, Channel.pause_reason).where(Channel.is_paused.is_(True))
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
        raise ChannelError(N_("There is a channel with this address already.")) from None


def _ids(rows: Sequence[Topic] | Sequence[Place], slugs: list[str]) -> tuple[int, ...] | None:
    if not slugs:
        return None
    ids = {row.slug: row.id for row in rows}
    for slug in slugs:
        if slug not in ids:
            raise ChannelError(
                N_("There is no topic or place called %(slug)s."), "topics", slug=slug
            )
    return tuple(ids[slug] for slug in dict.fromkeys(slugs))
