"""A person's private feed: one secret address that follows what they chose, until they renew it.

The address carries the person's number and another one under a signature, so nothing secret is
stored. That other number is drawn anew each time and never counted up: SQLite gives the number of
an erased person to the next one, who must not be read at an address that was somebody else's.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.models import Destination, Subscriber, Subscription

SIGNED_FOR = "feed"
NUMBERS = 2**28  # four bytes of the address, which stays short enough to be typed
_CHOSEN = (Subscription.topic_id, Subscription.place_id, Subscription.is_local_only)


@dataclass(frozen=True)
class Chosen:
    """What one subscription asks for; None: all topics, or the whole city."""

    topic_id: int | None
    place_id: int | None
    is_local_only: bool


@dataclass(frozen=True)
class Followed:
    """What is behind an address that works: whose feed it is, and all that they chose."""

    subscriber_id: int
    choices: tuple[Chosen, ...]


def token_of(session: Session, vault: Vault, subscriber_id: int) -> str:
    """The secret part of the address of somebody's feed; empty where they have none."""
    number = session.scalar(select(Subscriber.feed_number).where(Subscriber.id == subscriber_id))
    return "" if number is None else vault.token(SIGNED_FOR, subscriber_id, number)


def switch_on(session: Session, subscriber_id: int) -> None:
    """Give somebody a feed; whoever has one keeps it, however often the button is pressed."""
    _set(session, subscriber_id, Subscriber.feed_number.is_(None), secrets.randbelow(NUMBERS))


def renew(session: Session, vault: Vault, subscriber_id: int, token: str) -> None:
    """Put another address in the place of this one, which opens nothing from the commit on.

    A form that is sent twice renews once: the second one names an address that has gone.
    """
    numbers = vault.numbers(SIGNED_FOR, token, 2)
    if numbers is not None and numbers[0] == subscriber_id:
        other = (numbers[1] + 1 + secrets.randbelow(NUMBERS - 1)) % NUMBERS  # any but this one
        _set(session, subscriber_id, Subscriber.feed_number == numbers[1], other)


def switch_off(session: Session, subscriber_id: int) -> None:
    """Take somebody's feed away; nothing of it is kept."""
    _set(session, subscriber_id, Subscriber.feed_number.is_not(None), None)


def follow(session: Session, vault: Vault, token: str) -> Followed | None:
    """What an address leads to, in one query; None: no such feed, or not any more."""
    numbers = vault.numbers(SIGNED_FOR, token, 2)
    if numbers is None:
        return None
    is_theirs = and_(
        Destination.subscriber_id == Subscriber.id, Destination.verified_at.is_not(None)
    )
    is_live = and_(Subscription.destination_id == Destination.id, Subscription.ended_at.is_(None))
    found = session.execute(
        select(Subscription.id, *_CHOSEN)
        .select_from(Subscriber)
        .outerjoin(Destination, is_theirs)
        .outerjoin(Subscription, is_live)
        .where(Subscriber.id == numbers[0], Subscriber.feed_number == numbers[1])
    ).all()
    if not found:
        return None
    return Followed(numbers[0], _sorted(Chosen(*row[1:]) for row in found if row.id is not None))


def choices_of(session: Session, subscriber_id: int) -> tuple[Chosen, ...]:
    """All that somebody chose, for whichever verified address of theirs; each once."""
    found: Sequence[tuple[int | None, int | None, bool]] = session.execute(
        select(*_CHOSEN)
        .join(Destination, Destination.id == Subscription.destination_id)
        .where(Destination.subscriber_id == subscriber_id, Destination.verified_at.is_not(None))
        .where(Subscription.ended_at.is_(None))
    ).all()
    return _sorted(Chosen(*row) for row in found)


def _sorted(choices: Iterable[Chosen]) -> tuple[Chosen, ...]:
    def order(one: Chosen) -> tuple[int, int, bool]:
        return one.topic_id or 0, one.place_id or 0, one.is_local_only

    return tuple(sorted(set(choices), key=order))


def _set(
    session: Session, subscriber_id: int, only_if: ColumnElement[bool], number: int | None
) -> None:
    session.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id, only_if)
        .values(feed_number=number)
        .execution_options(synchronize_session=False)
    )
