"""Trial letters: one test to one address, which is subscribed to nothing by it.

Such a letter goes through the ledger like any other, so its address needs a destination. One that
nobody else has a use for is emptied once the letter is decided. Its number stays: the ledger knows
it, and so do the addresses that bounces come back to, and nobody else may ever get it.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, and_, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows
from service.ledger.direct import queue_direct
from service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Notification,
    OneTimeToken,
    Subscriber,
    Subscription,
    Suppression,
)
from service.subscriptions.addresses import address_hash
from service.subscriptions.persons import FORGOTTEN
from service.subscriptions.starting import email_destination

TEMPLATE = "mail_test"
OPEN = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


class SuppressedError(Exception):
    """The address must not be written to; the text is the reason as it is stored."""


def queue_trial(
    session: Session, vault: Vault, address: str, language: str, request_id: str
) -> tuple[Batch, Destination]:
    """Plan a test letter; ring for the batch after the commit. `address` is a normalised one.

    Raises:
        SuppressedError: nobody may write to the address, not even for a test.
    """
    hashed = address_hash(vault, "email", address)
    suppression = session.get(Suppression, hashed)
    if suppression is not None:
        raise SuppressedError(suppression.reason)
    destination = email_destination(session, hashed, address, language)
    batch = queue_direct(
        session,
        destination=destination,
        template=TEMPLATE,
        payload={"language": language},
        request_id=request_id,
    )
    return batch, destination


def forget_trials(session: Session) -> int:
    """Empty the destinations that only test letters needed; returns their number.

    Left alone is whoever has asked for something or confirmed it, and a letter that is still to be
    tried. The caller owns the transaction; a second run finds nothing.
    """
    found = session.scalars(select(Destination.id).where(_is_left_over()).with_for_update()).all()
    done = 0
    for destination_id in found:  # looked at again under its lock: somebody may ask just now
        person = session.scalar(
            select(Destination.subscriber_id).where(Destination.id == destination_id)
        )
        done += rows(
            session,
            update(Destination)
            .where(Destination.id == destination_id, _is_left_over())
            .values(
                address="",
                address_hash=FORGOTTEN + cast(Destination.id, String),
                subscriber_id=None,
            )
            .execution_options(synchronize_session=False),
        )
        has_address = select(Destination.id).where(Destination.subscriber_id == person).exists()
        session.execute(delete(Subscriber).where(Subscriber.id == person, ~has_address))
    return done


def _is_left_over() -> ColumnElement[bool]:
    """Unconfirmed, asked for nothing, and got nothing but test letters, all of them decided."""
    of_it = Delivery.destination_id == Destination.id
    letters = (
        select(Delivery.destination_id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(of_it)
        .correlate(Destination)
    )
    template = Notification.payload["template"].as_string()
    is_needed = or_(
        select(OneTimeToken.id).where(OneTimeToken.destination_id == Destination.id).exists(),
        select(Subscription.id).where(Subscription.destination_id == Destination.id).exists(),
        letters.where(or_(Delivery.state.in_(OPEN), template.is_distinct_from(TEMPLATE))).exists(),
    )
    return and_(
        Destination.kind == DestinationKind.EMAIL,
        Destination.verified_at.is_(None),
        Destination.address != "",
        letters.exists(),
        ~is_needed,
    )
