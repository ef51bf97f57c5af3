"""Forgetting: addresses that nobody confirmed, and those whose last subscription ended long ago.

A person is one transaction, locked and looked at again: they may sign up at that moment. Whoever
takes a break, or has any live subscription at any of their addresses, is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from service.db import Database
from service.models import (
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    OneTimeToken,
    Subscription,
    TokenPurpose,
)
from service.subscriptions.erasing import forget
from service.subscriptions.persons import FORGOTTEN, person_of

UNCONFIRMED_FOR = timedelta(days=7)
ENDED_FOR = timedelta(days=28)  # as long as an end can be undone
STEP = 200  # people whose rows are looked for at a time
OPEN = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


def forget_people(db: Database, now: datetime) -> Iterator[int]:
    """Empty what is due; yields after each commit that emptied somebody. It may be left at any of
    them: another run goes on there."""
    for due in (_is_unconfirmed(now), _is_over(now)):
        after = 0
        while True:
            with db.read() as session:
                found = session.scalars(
                    select(Destination.id)
                    .where(_is_a_person(), due, Destination.id > after)
                    .order_by(Destination.id)
                    .limit(STEP)
                ).all()
            for destination_id in found:
                with db.write() as session:
                    done = _forget(session, destination_id, due, now)
                if done:
                    yield done
            if len(found) < STEP:
                break
            after = found[-1]


def _forget(session: Session, destination_id: int, due: ColumnElement[bool], now: datetime) -> int:
    people = person_of(session, destination_id, lock=True)
    still = select(Destination.id).where(Destination.id.in_([one.id for one in people]), due)
    due_ids = set(session.scalars(still))
    return len(forget(session, [one for one in people if one.id in due_ids], now))


def _is_a_person() -> ColumnElement[bool]:
    return and_(
        Destination.channel_id.is_(None),
        Destination.kind != DestinationKind.WEBSUB,
        ~Destination.address_hash.startswith(FORGOTTEN, autoescape=True),
    )


def _is_unconfirmed(now: datetime) -> ColumnElement[bool]:
    """Never verified, with no link that still works, no letter on its way, and no subscription.

    So is one that stands in for the address that somebody moves to, or has moved from.
    """
    has_letter = (
        select(Delivery.notification_id)
        .where(Delivery.destination_id == Destination.id, Delivery.state.in_(OPEN))
        .correlate(Destination)
    )
    has_asked = (
        select(Subscription.id)
        .where(Subscription.destination_id == Destination.id)
        .correlate(Destination)
    )
    return and_(
        Destination.verified_at.is_(None),
        Destination.created_at < now - UNCONFIRMED_FOR,
        ~_has_link(now),
        ~_is_moved_to(now),
        ~has_letter.exists(),
        ~has_asked.exists(),
    )


def _has_link(now: datetime) -> ColumnElement[bool]:
    return (
        select(OneTimeToken.id)
        .where(OneTimeToken.destination_id == Destination.id)
        .where(OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > now)
        .correlate(Destination)
        .exists()
    )


def _is_moved_to(now: datetime) -> ColumnElement[bool]:
    """Somebody has a link by which they can still move to this address."""
    open_moves = (
        select(OneTimeToken.payload["by"].as_integer())
        .where(OneTimeToken.purpose == TokenPurpose.MOVE)
        .where(OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > now)
    )
    return Destination.id.in_(open_moves)


def _is_over(now: datetime) -> ColumnElement[bool]:
    """Verified long ago, and the last subscription at any of the person's addresses ended so."""
    other = aliased(Destination)
    keeps = or_(Subscription.ended_at.is_(None), Subscription.ended_at >= now - ENDED_FOR)
    own = select(Subscription.id).where(Subscription.destination_id == Destination.id, keeps)
    of_another = (
        select(Subscription.id)
        .join(other, other.id == Subscription.destination_id)
        .where(other.subscriber_id == Destination.subscriber_id, keeps)
    )
    return and_(
        Destination.verified_at < now - ENDED_FOR,
        ~own.correlate(Destination).exists(),
        ~of_another.correlate(Destination).exists(),
        ~_has_link(now),
    )
