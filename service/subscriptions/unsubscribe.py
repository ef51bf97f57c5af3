"""Leaving: by the link in each mail, at once and for good; undone only by the person.

The token of a link never expires and names a notification, a destination and a subscription. An
authentic token is always answered with success, even when its rows are gone (design, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.models import Consent, ConsentAct, Destination, Subscription

ONE_CLICK = "one-click"
EVERYTHING = "everything"
CHANGED = "changed"  # another subscription took its place by the person's own wish
UNDO_WITHIN = timedelta(days=28)  # the address is kept that long after the last end


@dataclass(frozen=True)
class Leaving:
    """What an unsubscribe link is about, for the page that it opens."""

    is_live: bool
    can_undo: bool
    others_live: bool
    topic_id: int | None = None
    place_id: int | None = None
    is_known: bool = False


def peek(session: Session, vault: Vault, token: str) -> Leaving | None:
    """Say what a link would end, or None for a text that we did not sign. Changes nothing."""
    ids = _ids(vault, token)
    if ids is None:
        return None
    destination_id, subscription_id = _current(session, *ids)
    live = set(
        session.scalars(
            select(Subscription.id).where(
                Subscription.destination_id == destination_id, Subscription.ended_at.is_(None)
            )
        )
    )
    others = bool(live - {subscription_id})
    row = _row(session, destination_id, subscription_id)
    if row is None:
        return Leaving(is_live=False, can_undo=False, others_live=others)
    return Leaving(
        is_live=row.ended_at is None,
        can_undo=_can_undo(row, utcnow()),
        others_live=others,
        topic_id=row.topic_id,
        place_id=row.place_id,
        is_known=True,
    )


def end_by_token(session: Session, vault: Vault, token: str) -> bool:
    """End the subscription that a link names; effective when the caller commits.

    True for every authentic token, whether or not it still had something to end.
    """
    ids = _ids(vault, token)
    if ids is None:
        return False
    destination_id, subscription_id = _current(session, *ids)
    _end(session, destination_id, ONE_CLICK, Subscription.id == subscription_id)
    return True


def end_all_by_token(session: Session, vault: Vault, token: str) -> bool:
    """End every subscription of the destination that a link names; else as `end_by_token`."""
    ids = _ids(vault, token)
    if ids is None:
        return False
    end_all(session, ids[0])
    return True


def end_all(session: Session, destination_id: int, reason: str = EVERYTHING) -> int:
    """End every live subscription of a destination and return how many there were."""
    return _end(session, destination_id, reason)


def undo(session: Session, vault: Vault, token: str, *, everything: bool = False) -> bool:
    """Re-open what an act from this link ended; True when something is open again.

    `everything` undoes the latest "end everything", else only the named subscription comes back.
    A choice that has been made anew meanwhile stays as it is (unique index).
    """
    ids = _ids(vault, token)
    if ids is None:
        return False
    destination_id, subscription_id = _current(session, *ids)
    if everything:
        ended = _last_everything(session, destination_id)
    else:
        named = _row(session, destination_id, subscription_id)
        ended = [] if named is None else [named]
    now = utcnow()
    reopened = [row for row in ended if _can_undo(row, now) and _reopen(session, row)]
    if reopened:
        _record(session, destination_id, ConsentAct.CONFIRMED, "undo", reopened)
    return bool(reopened)


def _end(session: Session, destination_id: int, reason: str, *only: ColumnElement[bool]) -> int:
    statement = (
        update(Subscription)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .where(*only)
        .values(ended_at=utcnow(), end_reason=reason)
        .returning(Subscription)
    )
    ended = list(session.scalars(statement))
    if ended:
        _record(session, destination_id, ConsentAct.WITHDRAWN, reason, ended)
    return len(ended)


def _last_everything(session: Session, destination_id: int) -> list[Subscription]:
    """The rows that the latest "end everything" has ended: they share its time."""
    rows = session.scalars(
        select(Subscription)
        .where(Subscription.destination_id == destination_id)
        .where(Subscription.end_reason == EVERYTHING)
        .order_by(Subscription.ended_at.desc(), Subscription.id)
    ).all()
    return [row for row in rows if row.ended_at == rows[0].ended_at]


def _reopen(session: Session, row: Subscription) -> bool:
    try:
        with session.begin_nested():
            row.ended_at = None
            row.end_reason = None
            session.flush()
    except IntegrityError:
        session.refresh(row)
        return False
    return True


def _record(
    session: Session,
    destination_id: int,
    act: ConsentAct,
    origin: str,
    rows: list[Subscription],
) -> None:
    destination = session.get_one(Destination, destination_id)
    session.add(
        Consent(
            address_hash=destination.address_hash,
            act=act,
            language=destination.language,
            origin=origin,
            choices=[
                {"topic": row.topic_id, "place": row.place_id, "frequency": str(row.frequency)}
                for row in rows
            ],
        )
    )


def _can_undo(row: Subscription, now: datetime) -> bool:
    return (
        row.ended_at is not None
        and row.ended_at > now - UNDO_WITHIN
        and row.end_reason in (ONE_CLICK, EVERYTHING)
    )


def _row(session: Session, destination_id: int, subscription_id: int) -> Subscription | None:
    row = session.get(Subscription, subscription_id)
    return row if row is not None and row.destination_id == destination_id else None


def _current(session: Session, destination_id: int, subscription_id: int) -> tuple[int, int]:
    """What the link of an older mail means today: if its subscription was changed since, the
    newest one of that topic and place."""
    named = _row(session, destination_id, subscription_id)
    if named is None or named.end_reason != CHANGED:
        return destination_id, subscription_id
    newest = session.scalar(
        select(func.max(Subscription.id))
        .where(Subscription.destination_id == destination_id)
        .where(Subscription.topic_id.is_not_distinct_from(named.topic_id))
        .where(Subscription.place_id.is_not_distinct_from(named.place_id))
    )
    return destination_id, newest or subscription_id


def _ids(vault: Vault, token: str) -> tuple[int, int] | None:
    numbers = vault.numbers("unsubscribe", token, 3)
    return None if numbers is None else (numbers[1], numbers[2])
