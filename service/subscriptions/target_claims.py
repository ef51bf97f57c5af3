"""Proving that a chat is one's own: a code sent to it, or for Telegram a link opened in it.

A code is six digits for 15 minutes, five guesses and one use. It is computed from the claim's row
under our key, so no table holds it, and the message that carries it is a delivery like any other. A
chat that is somebody else's gets no message, and whoever named it sees what everybody sees.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows, utcnow
from service.ledger.direct import queue_direct
from service.models import (
    Batch,
    ChatClaim,
    ChatTarget,
    Destination,
    DestinationKind,
)
from service.personal_chat import ChatKind
from service.settings import Settings
from service.subscriptions.chat_addresses import ChatAddress, telegram_address
from service.subscriptions.starting import insert_new
from service.subscriptions.target_start import begin

OPEN_FOR = timedelta(minutes=15)
GUESSES = 5
MOST_TARGETS = 5  # of one person
DIGITS = 6
SALT_BITS = 62
CODE = "chat_code"  # template of the message


class Proof(StrEnum):
    """What a typed code has done."""

    PROVED = "proved"
    WRONG = "wrong"
    OVER = "over"


@dataclass(frozen=True)
class Asked:
    """Who adds a target, and the hash of the text to which they agreed, if its way leads abroad."""

    subscriber_id: int
    language: str
    request_id: str
    text_hash: str = ""


def claim_chat(
    session: Session, vault: Vault, asked: Asked, address: ChatAddress
) -> tuple[ChatClaim, Batch | None]:
    """Begin to prove a chat and queue the message with its code.

    The caller owns the transaction and rings for the batch after its commit. For a chat that is
    somebody else's the message is rolled back: it is prepared, so that it takes as long.
    """
    claim = _open_claim(session, asked, address.kind, address.label)
    batch = None
    with session.begin_nested() as attempt:
        destination = _destination(session, vault, address, asked.language)
        claim.destination_id = destination.id
        batch = queue_direct(
            session,
            destination=destination,
            template=CODE,
            payload={"claim_id": claim.id, "language": asked.language},
            request_id=asked.request_id,
        )
        session.flush()
        if destination.verified_at is not None:
            attempt.rollback()
            batch = None
    session.refresh(claim)  # as after a rollback
    return claim, batch


def claim_telegram(session: Session, asked: Asked) -> ChatClaim:
    """Begin to prove a Telegram chat, which gets known when it opens the link."""
    return _open_claim(session, asked, ChatKind.TELEGRAM, "Telegram")


def has_chat(session: Session, vault: Vault, subscriber_id: int, address: ChatAddress) -> bool:
    """Whether a chat is on this person's own list."""
    found = select(Destination.id).where(
        Destination.kind == DestinationKind.CHAT,
        Destination.address_hash == address.hashed(vault),
        Destination.subscriber_id == subscriber_id,
    )
    return session.scalar(found) is not None


def has_room(session: Session, subscriber_id: int) -> bool:
    """Whether this person may add one more chat."""
    live = (
        select(func.count())
        .select_from(Destination)
        .where(Destination.subscriber_id == subscriber_id, Destination.verified_at.is_not(None))
        .where(Destination.kind == DestinationKind.CHAT)
    )
    return (session.scalar(live) or 0) < MOST_TARGETS


def open_claim_of(session: Session, claim_id: int, subscriber_id: int) -> ChatClaim | None:
    """A claim of this person, used or not, as long as it can be used."""
    claim = session.get(ChatClaim, claim_id)
    if claim is None or claim.subscriber_id != subscriber_id or claim.expires_at <= utcnow():
        return None
    return claim if claim.guesses < GUESSES or claim.used_at else None


def code_of(vault: Vault, claim: ChatClaim) -> str:
    """The six digits that prove a claim."""
    digest = vault.keyed_hash("chat-code", f"{claim.id}:{claim.salt}")
    return f"{int(digest, 16) % 10**DIGITS:0{DIGITS}}"


def start_token(vault: Vault, claim: ChatClaim) -> str:
    """What the link to the bot carries: of letters and a length that Telegram takes."""
    return vault.token("chat-link", claim.id, claim.salt)


def prove(
    session: Session,
    vault: Vault,
    settings: Settings,
    claim_id: int,
    subscriber_id: int,
    typed: str,
    request_id: str,
) -> tuple[Proof, Batch | None]:
    """Try a code. The guess counts when the caller commits, also a wrong one.

    The batch, when there is one, is the first message to the new target: ring for it.
    """
    now = utcnow()
    counted = rows(
        session,
        update(ChatClaim)
        .where(ChatClaim.id == claim_id, ChatClaim.subscriber_id == subscriber_id)
        .where(ChatClaim.used_at.is_(None), ChatClaim.expires_at > now)
        .where(ChatClaim.guesses < GUESSES)
        .values(guesses=ChatClaim.guesses + 1)
        .execution_options(synchronize_session=False),
    )
    if not counted:
        return Proof.OVER, None
    claim = session.get_one(ChatClaim, claim_id, populate_existing=True)
    code = re.sub(r"[\s-]", "", typed[:20]).encode("utf-8", "replace")
    is_right = hmac.compare_digest(code, code_of(vault, claim).encode())
    if not is_right or claim.destination_id is None:
        return (Proof.WRONG if claim.guesses < GUESSES else Proof.OVER), None
    claim.used_at = now
    batch = begin(session, settings, claim, request_id)
    return (Proof.PROVED if batch else Proof.OVER), batch


def prove_telegram(
    session: Session, vault: Vault, settings: Settings, token: str, chat_id: int, request_id: str
) -> Batch | None:
    """Bind a chat to the claim whose link it opened; None: the link is over, or the chat is
    somebody's already."""
    numbers = vault.numbers("chat-link", token[:64], 2)
    if numbers is None:
        return None
    now = utcnow()
    claim = session.scalar(
        update(ChatClaim)
        .where(ChatClaim.id == numbers[0], ChatClaim.salt == numbers[1])
        .where(ChatClaim.kind == ChatKind.TELEGRAM)
        .where(ChatClaim.used_at.is_(None), ChatClaim.expires_at > now)
        .values(used_at=now)
        .returning(ChatClaim)
    )
    if claim is None:
        return None
    destination = _destination(session, vault, telegram_address(chat_id), claim.language)
    claim.destination_id = destination.id
    return begin(session, settings, claim, request_id)


def _open_claim(session: Session, asked: Asked, kind: ChatKind, label: str) -> ChatClaim:
    """The one claim of a person that works from now on."""
    now = utcnow()
    session.execute(
        update(ChatClaim)
        .where(ChatClaim.subscriber_id == asked.subscriber_id)
        .where(ChatClaim.used_at.is_(None), ChatClaim.expires_at > now)
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )
    claim = ChatClaim(
        subscriber_id=asked.subscriber_id,
        kind=kind,
        label=label,
        salt=secrets.randbits(SALT_BITS),
        text_hash=asked.text_hash,
        language=asked.language,
        expires_at=now + OPEN_FOR,
    )
    session.add(claim)
    session.flush()
    return claim


def _destination(
    session: Session, vault: Vault, address: ChatAddress, language: str
) -> Destination:
    """Find or make the destination, nobody's until it is proved; its lock puts askers in a line."""
    hashed = address.hashed(vault)
    values = {
        "kind": DestinationKind.CHAT,
        "address": "",
        "address_hash": hashed,
        "lane": address.lane,
        "language": language,
    }
    its = and_(Destination.kind == DestinationKind.CHAT, Destination.address_hash == hashed)
    found = None
    while found is None:  # its person may stop it while we wait for the row
        insert_new(session, Destination, [values])
        found = session.scalars(select(Destination).where(its).with_for_update()).one_or_none()
    target = {
        "destination_id": found.id,
        "kind": address.kind,
        "sealed_address": address.sealed(vault),
        "label": address.label,
    }
    insert_new(session, ChatTarget, [target])
    return found
