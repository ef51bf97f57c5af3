"""Signing in: a link that comes by mail, works once and for half an hour; no password.

Asking does the same work for every address and takes the same time, so that nobody learns whether
it is known: of a stranger's all is rolled back.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.direct import queue_direct
from service.ledger.suppressions import lift
from service.models import Batch, Destination, OneTimeToken, TokenPurpose
from service.subscriptions.addresses import address_hash
from service.subscriptions.starting import email_destination
from service.subscriptions.tokens import LinkState, end, issue, lock_of, look, use

SIGN_IN_WITHIN = timedelta(minutes=30)
SIGNED_FOR = "sign-in"


def ask(
    session: Session, vault: Vault, address: str, language: str, request_id: str
) -> Batch | None:
    """Queue the letter with a sign-in link; None for an address that nobody has confirmed.

    The address has gone through `normalise_email`. The caller owns the transaction, which need not
    be durable: then its commit takes as long for a stranger, for whom nothing is written. An
    earlier link stays good beside the new one, because letters overtake each other.
    """
    hashed = address_hash(vault, "email", address)
    with session.begin_nested() as attempt:
        destination = email_destination(session, hashed, address, language)
        token = issue(session, destination.id, TokenPurpose.SIGN_IN, SIGN_IN_WITHIN)
        batch = queue_direct(
            session,
            destination=destination,
            template="sign_in",
            payload={"token_id": token.id, "language": language},
            request_id=request_id,
        )
        session.flush()
        is_known = destination.verified_at is not None
        if not is_known:
            attempt.rollback()
    return batch if is_known else None


def peek(session: Session, vault: Vault, text: str) -> LinkState:
    """Say whether a link would sign somebody in. Changes nothing."""
    return look(session, vault, TokenPurpose.SIGN_IN, SIGNED_FOR, text)[0]


def enter(session: Session, vault: Vault, text: str) -> tuple[LinkState, Destination | None]:
    """Use a link: who is signed in by it, once; else what is wrong with it.

    Its person's other links end. The letter has arrived, so what is suppressed because mail did not
    is so no more. The caller owns the transaction.
    """
    state, token = look(session, vault, TokenPurpose.SIGN_IN, SIGNED_FOR, text)
    if state is not LinkState.OPEN or token is None:
        return state, None
    destination = lock_of(session, OneTimeToken.id == token.id)
    if not use(session, token):
        return LinkState.USED, None
    if destination is None or destination.verified_at is None:
        return LinkState.EXPIRED, None
    end(
        session,
        OneTimeToken.destination_id == destination.id,
        OneTimeToken.purpose == TokenPurpose.SIGN_IN,
    )
    lift(session, destination.address_hash, utcnow(), only_of_the_mailbox=True)
    return LinkState.DONE, destination
