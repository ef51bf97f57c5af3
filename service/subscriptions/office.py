"""What the office does for a person who asks by phone or on paper; by page, API and command line.

A person is found by an exact address alone. Every act takes the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.bounces import strip_addresses
from service.crypto import Vault
from service.db import utcnow
from service.ledger.direct import queue_direct
from service.ledger.suppressions import OF_THE_MAILBOX
from service.models import (
    Batch,
    Bounce,
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    NoticeText,
    OneTimeToken,
    Place,
    Subscription,
    Suppression,
    TokenPurpose,
    Topic,
)
from service.subscriptions import notices, signing_in
from service.subscriptions.addresses import address_hash, normalise_email
from service.subscriptions.endings import BY_STAFF, end_rows, record
from service.subscriptions.erasures import erased
from service.subscriptions.persons import is_known, person_of
from service.subscriptions.subscribe import CONFIRM_WITHIN
from service.subscriptions.tokens import issue

MAX_REASON = 200
SHOWN_CONSENTS = 100


@dataclass(frozen=True)
class Found:
    """What is known under an address: its keyed hash, its destination where there is one, why it is
    not written to, and whether its person had all erased."""

    hashed: str
    destination_id: int | None
    suppression: Suppression | None
    bounces: Sequence[Bounce]
    was_erased: bool


@dataclass(frozen=True)
class Person:
    """One person as the office sees them."""

    addresses: Sequence[Destination]
    subscriptions: Sequence[tuple[Subscription, Topic | None, Place | None]]
    consents: Sequence[tuple[Consent, NoticeText | None]]


def reason_of(text: str) -> str:
    """A reason as it is kept: on one line, short, and without an address; empty where none is."""
    return strip_addresses(text)[:MAX_REASON]


def find(session: Session, vault: Vault, address: str) -> Found:
    """Look up an exact address.

    Raises:
        AddressError: the text is no address.
    """
    hashed = address_hash(vault, "email", normalise_email(address))
    destination_id = session.scalar(
        select(Destination.id)
        .where(Destination.kind == DestinationKind.EMAIL)
        .where(Destination.address_hash == hashed)
    )
    bounces = session.scalars(
        select(Bounce)
        .where(Bounce.destination_id == (destination_id or 0))
        .order_by(Bounce.at, Bounce.id)
        .limit(SHOWN_CONSENTS)
    ).all()
    return Found(
        hashed,
        destination_id,
        session.get(Suppression, hashed),
        bounces,
        bool(erased(session, [hashed])),
    )


def person(session: Session, destination_id: int) -> Person | None:
    """All that the office may see of a person; None once they are gone."""
    addresses = person_of(session, destination_id)
    if not addresses:
        return None
    rows = session.execute(
        select(Subscription, Topic, Place)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .outerjoin(Place, Place.id == Subscription.place_id)
        .where(Subscription.destination_id.in_([one.id for one in addresses]))
        .order_by(Subscription.ended_at.is_not(None), Subscription.id)
    )
    consents = session.scalars(
        select(Consent)
        .where(Consent.address_hash.in_([one.address_hash for one in addresses]))
        .order_by(Consent.id.desc())
        .limit(SHOWN_CONSENTS)
    ).all()
    texts = {one: notices.by_hash(session, one) for one in {row.text_hash for row in consents}}
    return Person(
        addresses,
        [(one, topic, place) for one, topic, place in rows],
        [(row, texts[row.text_hash]) for row in consents],
    )


def hash_of(session: Session, destination_id: int) -> str | None:
    """The keyed hash of a destination's address; None once it is gone."""
    query = select(Destination.address_hash).where(Destination.id == destination_id, is_known())
    return session.scalar(query)


def resend_confirmation(session: Session, destination_id: int, request_id: str) -> Batch | None:
    """Send the link of the newest unanswered sign-up once more; None where nothing waits for an
    answer, or its person has complained about our mail. Ring for the batch after the commit."""
    destination = session.get_one(Destination, destination_id, with_for_update=True)
    asked = session.scalar(
        select(OneTimeToken)
        .where(OneTimeToken.destination_id == destination_id)
        .where(OneTimeToken.purpose == TokenPurpose.CONFIRM, OneTimeToken.used_at.is_(None))
        .order_by(OneTimeToken.id.desc())
        .limit(1)
    )
    suppression = session.get(Suppression, destination.address_hash)
    if asked is None or (suppression and suppression.reason not in OF_THE_MAILBOX):
        return None
    token = issue(
        session, destination_id, TokenPurpose.CONFIRM, CONFIRM_WITHIN, dict(asked.payload)
    )
    asked.expires_at = min(asked.expires_at, utcnow())  # the newest link is the one that works
    payload = {
        "token_id": token.id,
        "language": asked.payload["language"],
        "is_known": bool(asked.payload.get("is_known")),
    }
    return queue_direct(
        session,
        destination=destination,
        template="confirm",
        payload=payload,
        request_id=request_id,
    )


def send_sign_in(
    session: Session, vault: Vault, destination_id: int, request_id: str
) -> Batch | None:
    """Send a link to sign in; None for an address that was not confirmed, or has complained."""
    destination = session.get_one(Destination, destination_id)
    suppression = session.get(Suppression, destination.address_hash)
    if suppression and suppression.reason not in OF_THE_MAILBOX:
        return None
    return signing_in.ask(session, vault, destination.address, destination.language, request_id)


def end_subscriptions(
    session: Session, destination_id: int, only: Sequence[int] | None = None
) -> int:
    """End live subscriptions of a person, all or these, at all of their addresses and chats;
    returns how many."""
    now, count = utcnow(), 0
    chosen = () if only is None else (Subscription.id.in_(only),)
    for one in person_of(session, destination_id, lock=True):
        ended = end_rows(session, one.id, BY_STAFF, now, *chosen)
        if ended:
            record(session, one.id, ConsentAct.WITHDRAWN, BY_STAFF, ended)
        count += len(ended)
    return count
