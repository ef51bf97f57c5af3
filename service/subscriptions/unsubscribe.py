"""Leaving: by the link in each mail, at once and for good; undone only by the person.

The token of a link never expires and names a notification, a destination and a subscription; of a
digest it names no subscription, and is about all of the reader's of that frequency, and what took
the place of one of those. An authentic
token is always answered with success, even when its rows are gone (design, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.ledger.lease import frequency_of
from service.models import ConsentAct, Destination, DestinationKind, Frequency, Subscription
from service.subscriptions import abroad
from service.subscriptions.endings import (
    EVERYTHING,
    ON_PAGE,
    ONE_CLICK,
    end_rows,
    record,
    row_of,
    with_successors,
)

UNDO_WITHIN = timedelta(days=28)  # the address is kept that long after the last end


@dataclass(frozen=True)
class Leaving:
    """What an unsubscribe link is about, for the page that it opens."""

    destination_id: int
    is_live: bool
    can_undo: bool
    others_live: bool
    topic_id: int | None = None
    place_id: int | None = None
    is_known: bool = False
    frequency: Frequency | None = None  # of a digest: all subscriptions of that frequency


def peek(session: Session, vault: Vault, token: str) -> Leaving | None:
    """Say what a link would end, or None for a text that we did not sign. Changes nothing."""
    ids = _ids(vault, token)
    if ids is None:
        return None
    notification_id, destination_id, subscription_id = ids
    live = set(
        session.scalars(
            select(Subscription.id).where(
                Subscription.destination_id == destination_id, Subscription.ended_at.is_(None)
            )
        )
    )
    if not subscription_id:
        return _peek_digest(session, destination_id, frequency_of(session, notification_id), live)
    named = with_successors(session, destination_id, subscription_id)
    now, ids_named = utcnow(), {row.id for row in named}
    return Leaving(
        destination_id=destination_id,
        is_live=bool(live & ids_named),
        can_undo=any(_can_undo(row, now) for row in named),
        others_live=bool(live - ids_named),
        topic_id=named[0].topic_id if named else None,
        place_id=named[0].place_id if named else None,
        is_known=bool(named),
    )


def _peek_digest(
    session: Session, destination_id: int, frequency: Frequency | None, live: set[int]
) -> Leaving:
    own = set(
        session.scalars(
            select(Subscription.id).where(Subscription.id.in_(live), _is_of_digest(frequency))
        )
    )
    ended = last_ended(session, destination_id, ONE_CLICK, frequency)
    return Leaving(
        destination_id=destination_id,
        is_live=bool(own),
        can_undo=not own and any(_can_undo(row, utcnow()) for row in ended),
        others_live=bool(live - own),
        is_known=frequency is not None,
        frequency=frequency,
    )


def end_by_token(session: Session, vault: Vault, token: str) -> bool:
    """End what a link names; effective when the caller commits.

    Where its person has changed it since the letter came, what took its place ends.
    True for every authentic token, whether or not it still had something to end.
    """
    ids = _ids(vault, token)
    if ids is None:
        return False
    notification_id, destination_id, subscription_id = ids
    _stand_in_line(session, destination_id)
    if subscription_id:
        named = with_successors(session, destination_id, subscription_id)
        _end(session, destination_id, ONE_CLICK, Subscription.id.in_([row.id for row in named]))
    else:
        frequency = frequency_of(session, notification_id)
        _end(session, destination_id, ONE_CLICK, _is_of_digest(frequency))
    return True


def end_all_by_token(session: Session, vault: Vault, token: str) -> bool:
    """End every subscription of the destination that a link names; else as `end_by_token`."""
    ids = _ids(vault, token)
    if ids is None:
        return False
    end_all(session, ids[1])
    return True


def end_all(session: Session, destination_id: int, reason: str = EVERYTHING) -> int:
    """End every live subscription of a destination and return how many there were."""
    _stand_in_line(session, destination_id)
    return _end(session, destination_id, reason)


def end_everything(session: Session, person: Destination) -> int:
    """End all that a person asks for, by email and in their chats, in one moment: one undo brings
    it back. The chats stay theirs."""
    now, count = utcnow(), 0
    for destination_id in _of_person(session, person.id):
        _stand_in_line(session, destination_id)
        ended = end_rows(session, destination_id, EVERYTHING, now)
        if ended:
            record(session, destination_id, ConsentAct.WITHDRAWN, EVERYTHING, ended)
        count += len(ended)
    return count


def undo(session: Session, vault: Vault, token: str, *, everything: bool = False) -> bool:
    """Re-open what an act from this link ended; True when something is open again.

    `everything` undoes the latest "end everything", else only what the link names comes back.
    A choice that has been made anew meanwhile stays as it is (unique index).
    """
    ids = _ids(vault, token)
    if ids is None:
        return False
    notification_id, destination_id, subscription_id = ids
    if everything:
        ended = last_ended(session, destination_id, EVERYTHING)
    elif not subscription_id:
        frequency = frequency_of(session, notification_id)
        ended = last_ended(session, destination_id, ONE_CLICK, frequency) if frequency else []
    else:
        ended = with_successors(session, destination_id, subscription_id)
    return _reopen_all(session, destination_id, ended)


def end_on_page(session: Session, destination_id: int, subscription_ids: Sequence[int]) -> bool:
    """End these on the person's own page; those of others are left alone."""
    _stand_in_line(session, destination_id)
    return bool(_end(session, destination_id, ON_PAGE, Subscription.id.in_(subscription_ids)))


def ended_together(
    session: Session, destination_id: int, subscription_id: int
) -> list[Subscription]:
    """What ended by the same act as this one, at any address of its person, and can be undone;
    nothing for somebody else's."""
    named = row_of(session, destination_id, subscription_id)
    if named is None or not _can_undo(named, utcnow()):
        return []
    everywhere = [destination_id]
    if named.end_reason == EVERYTHING:
        everywhere = _of_person(session, destination_id)
    return list(
        session.scalars(
            select(Subscription)
            .where(Subscription.destination_id.in_(everywhere))
            .where(Subscription.ended_at == named.ended_at)
            .where(Subscription.end_reason == named.end_reason)
            .order_by(Subscription.id)
        )
    )


def undo_on_page(session: Session, destination_id: int, subscription_id: int) -> bool:
    """Re-open what ended together with this one; True when something is open again."""
    ended = ended_together(session, destination_id, subscription_id)
    back = [
        _reopen_all(session, one, [row for row in ended if row.destination_id == one])
        for one in sorted({row.destination_id for row in ended})
    ]
    return any(back)


def _of_person(session: Session, destination_id: int) -> list[int]:
    """All addresses and chats of a destination's person, in the order in which they are locked."""
    person = select(Destination.subscriber_id).where(Destination.id == destination_id)
    found = session.scalars(
        select(Destination.id)
        .where(
            or_(
                Destination.id == destination_id,
                Destination.subscriber_id == person.scalar_subquery(),
            )
        )
        .where(Destination.verified_at.is_not(None))
        .order_by(Destination.id)
    )
    return list(found)


def _end(session: Session, destination_id: int, reason: str, *only: ColumnElement[bool]) -> int:
    ended = end_rows(session, destination_id, reason, utcnow(), *only)
    if ended:
        record(session, destination_id, ConsentAct.WITHDRAWN, reason, ended)
        live = select(Subscription.id).where(Subscription.destination_id == destination_id)
        if session.scalar(live.where(Subscription.ended_at.is_(None)).limit(1)) is None:
            destination = session.get_one(Destination, destination_id)
            abroad.withdraw(session, destination, DestinationKind.EMAIL, reason)
    return len(ended)


def _stand_in_line(session: Session, destination_id: int) -> None:
    """Wait for whoever changes what this person asks for: else what begins just then would escape.
    Letters may be queued meanwhile."""
    line = select(Destination.id).where(Destination.id == destination_id)
    session.scalars(line.with_for_update(key_share=True)).all()  # unread, it would stay open


def _reopen_all(session: Session, destination_id: int, ended: Sequence[Subscription]) -> bool:
    _stand_in_line(session, destination_id)
    now = utcnow()
    reopened = [row for row in ended if _can_undo(row, now) and _reopen(session, row)]
    if reopened:
        record(session, destination_id, ConsentAct.CONFIRMED, "undo", reopened)
        destination = session.get_one(Destination, destination_id)
        abroad.give_back(session, destination, DestinationKind.EMAIL, "undo")
    return bool(reopened)


def last_ended(
    session: Session, destination_id: int, reason: str, frequency: Frequency | None = None
) -> list[Subscription]:
    """The rows that the latest act of this kind has ended: they share its time."""
    query = select(Subscription).where(
        Subscription.destination_id == destination_id, Subscription.end_reason == reason
    )
    if frequency is not None:
        query = query.where(_is_of_digest(frequency))
    rows = session.scalars(query.order_by(Subscription.ended_at.desc(), Subscription.id)).all()
    return [row for row in rows if row.ended_at == rows[0].ended_at]


def _is_of_digest(frequency: Frequency | None) -> ColumnElement[bool]:
    """What digests of a frequency tell by: the wishes for it, and what took the place of one."""
    return or_(Subscription.frequency == frequency, Subscription.changed_from == frequency)


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


def _can_undo(row: Subscription, now: datetime) -> bool:
    return (
        row.ended_at is not None
        and row.ended_at > now - UNDO_WITHIN
        and row.end_reason in (ONE_CLICK, EVERYTHING, ON_PAGE)
    )


def _ids(vault: Vault, token: str) -> tuple[int, int, int] | None:
    """The notification, the destination and the subscription that a link names."""
    numbers = vault.numbers("unsubscribe", token, 3)
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])
