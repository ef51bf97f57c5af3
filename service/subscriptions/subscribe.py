"""Asking for news and confirming it: double opt-in, provable for each address.

Asking does the same work for every address, so that nobody learns whether it is known: a new one,
a known one and a suppressed one differ in no answer and in no statement that runs (citizens guide,
section 7). Nothing is active before the person has confirmed by a POST from the mailed link.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.direct import queue_direct
from service.ledger.suppressions import OF_THE_MAILBOX, lift
from service.models import (
    Batch,
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    OneTimeToken,
    Subscription,
    Suppression,
    TokenPurpose,
)
from service.subscriptions import abroad
from service.subscriptions.abroad import Agreement
from service.subscriptions.addresses import address_hash
from service.subscriptions.choices import Choices
from service.subscriptions.notices import notice_version, text_hash
from service.subscriptions.starting import email_destination, start_subscriptions
from service.subscriptions.tokens import LinkState, end, issue, lock_of, look, use

CONFIRM_WITHIN = timedelta(days=7)
SIGNED_FOR = "confirm"
EMAIL = DestinationKind.EMAIL


@dataclass(frozen=True)
class Ask:
    """One filled-in form. The address has gone through `normalise_email`. `abroad`: what the box
    of its own said, where the city's mail leaves the country."""

    address: str
    choices: Choices
    language: str
    consent_text: str
    origin: str
    request_id: str
    abroad: Agreement | None = None


@dataclass(frozen=True)
class Confirmation:
    """The batch, when there is one, is the welcome mail: ring for it after the commit.

    The destination is there where this very call has confirmed: its person may be signed in.
    """

    state: LinkState
    choices: Choices | None = None
    batch: Batch | None = None
    destination: Destination | None = None
    is_known: bool = False


def ask(session: Session, vault: Vault, request: Ask) -> Batch | None:
    """Remember the choices and queue the mail with the link that confirms them.

    The caller owns the transaction and rings for the batch after its commit. A suppressed address
    gets nothing: what was done for it is rolled back but for the proof that somebody asked, so
    that its commit takes as long as any other. One that only bounced gets its link, by which its
    person can show that mail arrives again.
    """
    hashed = address_hash(vault, "email", request.address)
    choices = request.choices.known(session)
    agreed = text_hash(request.consent_text)
    session.add(
        Consent(
            address_hash=hashed,
            act=ConsentAct.ASKED,
            text_hash=agreed,
            language=request.language,
            origin=request.origin,
            choices=[choices.as_json()],
            notice_version=notice_version(session, request.language),
        )
    )
    abroad.record(
        session,
        request.abroad,
        EMAIL,
        hashed=hashed,
        language=request.language,
        origin=request.origin,
        act=ConsentAct.ASKED,
    )
    suppression = session.get(Suppression, hashed)
    is_suppressed = suppression is not None and suppression.reason not in OF_THE_MAILBOX
    with session.begin_nested() as attempt:
        payload = {
            "choices": choices.as_json(),
            "language": request.language,
            "text_hash": agreed,
            "origin": request.origin,
            "abroad": asdict(request.abroad) if request.abroad else None,
        }
        destination = email_destination(session, hashed, request.address, request.language)
        batch = _queue_link(session, destination, payload, request)
        session.flush()
        if is_suppressed:
            attempt.rollback()
    return None if is_suppressed else batch


def _queue_link(
    session: Session, destination: Destination, payload: dict[str, Any], request: Ask
) -> Batch:
    """Make the one link that works from now on, and its mail."""
    end(
        session,
        OneTimeToken.destination_id == destination.id,
        OneTimeToken.purpose == TokenPurpose.CONFIRM,
    )
    is_known = session.scalar(select(_has_news(destination.id)))
    payload = {**payload, "is_known": is_known}
    token = issue(session, destination.id, TokenPurpose.CONFIRM, CONFIRM_WITHIN, payload)
    return queue_direct(
        session,
        destination=destination,
        template="confirm",
        payload={"token_id": token.id, "language": request.language, "is_known": is_known},
        request_id=request.request_id,
    )


def peek(session: Session, vault: Vault, token: str) -> Confirmation:
    """Say what a confirm link would do. Changes nothing (invariant 9)."""
    state, row = look(session, vault, TokenPurpose.CONFIRM, SIGNED_FOR, token)
    if row is None or state not in (LinkState.OPEN, LinkState.USED):
        return Confirmation(state)
    choices = Choices.from_json(row.payload["choices"])
    return Confirmation(state, choices, is_known=bool(row.payload.get("is_known")))


def confirm(session: Session, vault: Vault, token: str, request_id: str) -> Confirmation:
    """Start the subscriptions of a confirm link; a second run changes nothing.

    The link came by mail, so what is suppressed because mail did not arrive is so no more. A
    complaint stands: only staff lift it (`tellal suppressions lift`).
    The compare-and-set on the token lets one caller through, so a double click makes one set of
    subscriptions and one welcome mail. The caller owns the transaction.
    """
    state, row = look(session, vault, TokenPurpose.CONFIRM, SIGNED_FOR, token)
    destination = None if row is None else lock_of(session, OneTimeToken.id == row.id)
    is_open = state is LinkState.OPEN
    if row is None or destination is None or not (is_open and use(session, row)):
        session.expire_all()  # somebody else may have used it a moment ago
        return peek(session, vault, token)
    now, said = utcnow(), row.payload
    choices = Choices.from_json(said["choices"]).known(session)
    destination.verified_at = destination.verified_at or now
    destination.language = said["language"]
    lift(session, destination.address_hash, now, only_of_the_mailbox=True)
    start_subscriptions(session, destination, choices)
    session.add(
        Consent(
            address_hash=destination.address_hash,
            act=ConsentAct.CONFIRMED,
            text_hash=said["text_hash"],
            language=said["language"],
            origin=said["origin"],
            choices=[choices.as_json()],
            notice_version=notice_version(session, said["language"]),
        )
    )
    agreed = said.get("abroad")
    abroad.record(
        session,
        Agreement(**agreed) if agreed else None,
        EMAIL,
        hashed=destination.address_hash,
        language=said["language"],
        origin=said["origin"],
    )
    batch = queue_direct(
        session,
        destination=destination,
        template="welcome",
        payload={"language": said["language"]},
        request_id=request_id,
    )
    return Confirmation(LinkState.DONE, choices, batch, destination)


def _has_news(destination_id: int) -> ColumnElement[bool]:
    """Something is live."""
    return (
        select(Subscription.id)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .exists()
    )
