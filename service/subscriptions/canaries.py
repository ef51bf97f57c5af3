"""Canaries as the settings ask for them: made, kept as they are, and taken away.

The email canary is a subscriber like any other, so that it takes the way of all: it asks for
everything at once. It is known by its row in `canary`: not counted as a reader, and what would end
a reader's subscription (`endings.end_rows`) passes it by.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.logs import get_logger
from service.models import (
    Canary,
    CanaryKind,
    Channel,
    Destination,
    DestinationKind,
    Frequency,
    Subscription,
)
from service.settings import Settings
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.endings import end_rows
from service.subscriptions.starting import email_destination, insert_new

log = get_logger(__name__)

SET_OFF = "canary off"
TAKEN = "TELLAL_CANARY_EMAIL is the address of a reader; give the canary an address of its own"
NO_CHANNEL = "no channel has the name that TELLAL_CANARY_CHANNEL gives"
NOT_ALL = "its channel does not hear of everything at once: change what it wants"


def arrange(
    session: Session, vault: Vault, settings: Settings, now: datetime
) -> dict[CanaryKind, str]:
    """Make what the settings ask for true; returns what is wrong, by kind.

    Owns no transaction. A second time, or twice at once, changes nothing.
    """
    wrong: dict[CanaryKind, str] = {}
    for kind, said in (
        (CanaryKind.EMAIL, _email(session, vault, settings, now)),
        (CanaryKind.CHAT, _chat(session, settings, now)),
        (CanaryKind.FEED, _feed(session, settings, now)),
    ):
        if said:
            wrong[kind] = said
    return wrong


def _email(session: Session, vault: Vault, settings: Settings, now: datetime) -> str:
    row = session.get(Canary, CanaryKind.EMAIL)
    if not settings.canary_email:
        _drop(session, row, now)
        return ""
    try:
        address = normalise_email(settings.canary_email)
    except AddressError as error:
        return f"TELLAL_CANARY_EMAIL: {error}"
    hashed = address_hash(vault, DestinationKind.EMAIL, address)
    if row is not None and _is_whole(session, row, hashed):
        return ""
    destination = email_destination(session, hashed, address, settings.brand.language)
    if row is not None and row.destination_id != destination.id:
        _drop(session, row, now)
        row = None
    if row is None:
        if destination.verified_at is not None:
            return TAKEN
        _add(session, CanaryKind.EMAIL, destination.id, now)
    destination.verified_at = destination.verified_at or now
    wish = {"destination_id": destination.id, "topic_id": None, "place_id": None}
    insert_new(
        session,
        Subscription,
        [{**wish, "frequency": Frequency.INSTANT, "is_local_only": False, "created_at": now}],
    )
    return ""


def _is_whole(session: Session, row: Canary, hashed: str) -> bool:
    """True where the address is the one of the settings and still asks for everything at once."""
    destination = session.get(Destination, row.destination_id)
    return (
        destination is not None
        and destination.address_hash == hashed
        and destination.verified_at is not None
        and _hears_all(session, destination)
    )


def _chat(session: Session, settings: Settings, now: datetime) -> str:
    row = session.get(Canary, CanaryKind.CHAT)
    query = (
        select(Destination)
        .join(Channel, Channel.id == Destination.channel_id)
        .where(Channel.name == settings.canary_channel, Channel.removed_at.is_(None))
    )
    destination = session.scalar(query) if settings.canary_channel else None
    if row is not None and (destination is None or row.destination_id != destination.id):
        session.execute(delete(Canary).where(Canary.kind == CanaryKind.CHAT))
        row = None
    if destination is None:
        return NO_CHANNEL if settings.canary_channel else ""
    if row is None:
        _add(session, CanaryKind.CHAT, destination.id, now)
    return "" if _hears_all(session, destination) else NOT_ALL


def _feed(session: Session, settings: Settings, now: datetime) -> str:
    if settings.canary_feed:
        _add(session, CanaryKind.FEED, None, now)
    else:
        session.execute(delete(Canary).where(Canary.kind == CanaryKind.FEED))
    return ""


def _hears_all(session: Session, destination: Destination) -> bool:
    wish = select(Subscription.id).where(
        Subscription.destination_id == destination.id,
        Subscription.topic_id.is_(None),
        Subscription.place_id.is_(None),
        Subscription.frequency == Frequency.INSTANT,
        Subscription.is_local_only.is_(False),
        Subscription.ended_at.is_(None),
    )
    is_held = destination.is_urgent_only or destination.quiet_from is not None
    return not is_held and session.scalar(wish.limit(1)) is not None


def _add(session: Session, kind: CanaryKind, destination_id: int | None, now: datetime) -> None:
    """A row that is there stays: of two at once the first one counts."""
    values = {"kind": kind, "destination_id": destination_id, "since": now, "said": ""}
    insert_new(session, Canary, [values])


def _drop(session: Session, row: Canary | None, now: datetime) -> None:
    """Take the email canary away: its row first, so that its subscription can end."""
    if row is None:
        return
    destination_id = row.destination_id
    session.execute(delete(Canary).where(Canary.kind == CanaryKind.EMAIL))
    session.expire_all()
    if destination_id is not None:
        end_rows(session, destination_id, SET_OFF, now)
        session.execute(
            update(Destination).where(Destination.id == destination_id).values(verified_at=None)
        )
    log.info("canary taken away", destination_id=destination_id)
