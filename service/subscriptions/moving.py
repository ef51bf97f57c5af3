"""Moving to another address: asked while signed in, confirmed at the new one, told to the old one.

The destination stays, and with it every choice, every link in old letters and what is queued; its
address changes. The letters to the new address need a destination of their own until then: one that
is not verified, as that of an unconfirmed sign-up. Moving swaps the addresses of both, so that the
old one, too, can be told.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.direct import queue_direct
from service.ledger.suppressions import lift
from service.models import (
    Batch,
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    OneTimeToken,
    Subscription,
    TokenPurpose,
)
from service.subscriptions import abroad
from service.subscriptions.addresses import address_hash
from service.subscriptions.endings import choice_of
from service.subscriptions.starting import email_destination
from service.subscriptions.tokens import LinkState, end, issue, look, use

MOVE_WITHIN = timedelta(hours=24)
SIGNED_FOR, STOP_SIGNED_FOR = "move", "move-stop"
MOVED = "address changed"


@dataclass(frozen=True)
class Move:
    """What a link is, or has done. `address`: the new one, while the link is open.

    Ring for the batch, when there is one, after the commit.
    """

    state: LinkState
    address: str = ""
    batch: Batch | None = None


def ask(
    session: Session, vault: Vault, destination_id: int, address: str, request_id: str
) -> list[Batch]:
    """Write to both addresses; nothing changes before the new one is confirmed.

    The new one has gone through `normalise_email`. Whether somebody else gets news there is told to
    that address alone: its letter says so then, and has no link that moves anybody. Of several
    requests the newest one counts. The caller owns the transaction and rings for the batches.
    """
    hashed = address_hash(vault, "email", address)
    _stand_in_line(session, destination_id, hashed)
    old = session.get_one(Destination, destination_id, populate_existing=True)
    if hashed == old.address_hash:
        return []
    end(session, *_moves_of(destination_id))
    new = email_destination(session, hashed, address, old.language)
    token = issue(
        session,
        destination_id,
        TokenPurpose.MOVE,
        MOVE_WITHIN,
        {"from": old.address_hash, "to": hashed, "by": new.id},
    )
    is_taken = new.verified_at is not None
    payload = {"token_id": token.id, "language": old.language}
    letters = [(new, "move_taken" if is_taken else "move"), (old, "move_asked")]
    return [
        queue_direct(
            session, destination=to, template=template, payload=payload, request_id=request_id
        )
        for to, template in letters
    ]


def peek(session: Session, vault: Vault, text: str) -> Move:
    """Say what the link at the new address would do. Changes nothing."""
    state, token = look(session, vault, TokenPurpose.MOVE, SIGNED_FOR, text)
    if state is not LinkState.OPEN or token is None:
        return Move(state)
    _, new = _both(session, token)
    return Move(LinkState.OPEN, new.address) if new else Move(LinkState.EXPIRED)


def move(session: Session, vault: Vault, text: str, request_id: str) -> Move:
    """Use the link at the new address: from the commit on, news goes there, and whoever is signed
    in by the old one is not any more.

    Of two who move to one address at once, the second finds it taken and stays where they are. The
    caller owns the transaction.
    """
    state, token = look(session, vault, TokenPurpose.MOVE, SIGNED_FOR, text)
    if state is not LinkState.OPEN or token is None:
        return Move(state)
    old, new = _both(session, token, is_locked=True)
    if not use(session, token):
        return Move(LinkState.USED)
    if old is None or new is None:
        return Move(LinkState.EXPIRED)
    end(session, OneTimeToken.destination_id.in_((old.id, new.id)))
    _swap(session, old, new)
    now = utcnow()
    moved, left = old, new
    lift(session, moved.address_hash, now, only_of_the_mailbox=True)  # the letter has arrived
    _record(session, moved, token.payload["from"])
    batch = queue_direct(
        session,
        destination=left,
        template="moved",
        payload={"language": moved.language},
        request_id=request_id,
    )
    return Move(LinkState.DONE, batch=batch)


def peek_stop(session: Session, vault: Vault, text: str) -> LinkState:
    """Say what the link at the old address would do. Changes nothing."""
    return look(session, vault, TokenPurpose.MOVE, STOP_SIGNED_FOR, text)[0]


def stop(session: Session, vault: Vault, text: str) -> LinkState:
    """Use the link at the old address: the move cannot be confirmed any more."""
    state, token = look(session, vault, TokenPurpose.MOVE, STOP_SIGNED_FOR, text)
    if state is not LinkState.OPEN or token is None:
        return state
    ended = end(session, OneTimeToken.id == token.id)
    return LinkState.DONE if ended else LinkState.USED


def _stand_in_line(session: Session, destination_id: int, hashed: str) -> None:
    """Lock who asks, and who has the new address, in the order of `_both`: they may ask for each
    other's at the same moment."""
    has_it = and_(Destination.kind == DestinationKind.EMAIL, Destination.address_hash == hashed)
    line = select(Destination.id).where(or_(Destination.id == destination_id, has_it))
    session.scalars(line.order_by(Destination.id).with_for_update()).all()


def _both(
    session: Session, token: OneTimeToken, *, is_locked: bool = False
) -> tuple[Destination | None, Destination | None]:
    """Who moves, and who stands in at the new address: both as they were when it was asked, or
    None."""
    ids = (token.destination_id, token.payload["by"])
    query = select(Destination).where(Destination.id.in_(ids)).order_by(Destination.id)
    if is_locked:  # in order, so that two who swap at once do not deadlock
        query = query.with_for_update().execution_options(populate_existing=True)
    found = {row.id: row for row in session.scalars(query)}
    old, new = found.get(ids[0]), found.get(ids[1])
    if old is None or new is None or old.verified_at is None or new.verified_at is not None:
        return None, None
    if (old.address_hash, new.address_hash) != (token.payload["from"], token.payload["to"]):
        return None, None
    return old, new


def _swap(session: Session, old: Destination, new: Destination) -> None:
    """Give each the other's address; the unique key wants a step in between."""
    news = (new.address, new.address_hash, new.lane)
    olds = (old.address, old.address_hash, old.lane)
    new.address_hash = secrets.token_hex(32)
    session.flush()
    old.address, old.address_hash, old.lane = news
    session.flush()
    new.address, new.address_hash, new.lane = olds
    session.flush()


def _record(session: Session, moved: Destination, left_hash: str) -> None:
    """The consent ledger knows people by the hash of their address alone: consent ends under the
    old one, and goes on under the new one."""
    live = session.scalars(
        select(Subscription)
        .where(Subscription.destination_id == moved.id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    ).all()
    abroad.move(session, moved, left_hash, DestinationKind.EMAIL, MOVED)
    acts = ((ConsentAct.WITHDRAWN, left_hash), (ConsentAct.CONFIRMED, moved.address_hash))
    for act, hashed in acts:
        session.add(
            Consent(
                address_hash=hashed,
                act=act,
                language=moved.language,
                origin=MOVED,
                choices=[choice_of(row) for row in live],
            )
        )


def _moves_of(destination_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeToken.destination_id == destination_id,
        OneTimeToken.purpose == TokenPurpose.MOVE,
    )
