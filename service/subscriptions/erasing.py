"""Erasing: a person's address and choices go at once, whatever is being sent at that moment.

The row of each destination stays, empty: the ledger knows its number, and a worker that holds one
of its deliveries reads it again before the wire, finds it neither verified nor subscribed, and
settles what is left as not sent. What remains of the person are keyed hashes: in the consent
ledger, among the suppressions, and in the list of erasures (docs/adr/0020).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, cast, delete, func, select, text, update
from sqlalchemy.orm import Session

from service import acts
from service.db import Moment
from service.ledger.batches import CLOSE_ONE
from service.models import (
    Bounce,
    Consent,
    ConsentAct,
    Delivery,
    DeliveryAnswer,
    Destination,
    DestinationKind,
    MailboxMessage,
    Notification,
    NotificationKind,
    NotificationState,
    OneTimeToken,
    Subscriber,
    Subscription,
    TargetEnd,
    TokenPurpose,
)
from service.personal_chat import ChatKind
from service.subscriptions import abroad
from service.subscriptions.persons import FORGOTTEN, all_of, is_known, person_of
from service.subscriptions.targets import stop_all_targets, stop_target

ERASE = "erase"
ENDED = "erased"
_HARMLESS = ("template", "language")  # of a letter's payload; its other texts may hold an address
_OVER = (NotificationState.DONE, NotificationState.CANCELLED)

# What waits for its next try is in nobody's hands. Who may have got it already stays in doubt.
_CANCEL_WAITING = text("""
    UPDATE delivery
    SET state = CASE WHEN maybe_revision_id IS NULL THEN 6 ELSE 4 END,
        revision_id = nullif(maybe_revision_id, 0), due_at = NULL, settled_at = :now
    WHERE destination_id IN :ids AND state = 2
    RETURNING notification_id
""").bindparams(bindparam("ids", expanding=True), bindparam("now", type_=Moment()))


def erase(session: Session, destination_id: int, now: datetime, how: str = ERASE) -> list[str]:
    """Erase the person of a destination; returns the hashes that the list of erasures must keep.

    The withdrawal is written into the consent ledger. The caller owns the transaction and has put
    the hashes into the list before (`erasures.erase_for_good` does all of it).
    """
    found = all_of(session, destination_id, lock=True)
    theirs = {one.id for one in person_of(session, destination_id)}
    for one in found:
        if one.id in theirs:  # nobody has agreed to anything at an address of an unfinished move
            session.add(
                Consent(
                    address_hash=one.address_hash,
                    act=ConsentAct.WITHDRAWN,
                    language=one.language,
                    origin=how,
                    how=how,
                    choices=_choices(session, one.id),
                )
            )
            channels = [DestinationKind.EMAIL] if one.address else list(ChatKind)
            for channel in channels:
                abroad.withdraw(session, one, channel, how)
    session.flush()
    return forget(session, found, now)


def forget(session: Session, people: Sequence[Destination], now: datetime) -> list[str]:
    """Empty these locked destinations and all that belongs to them; returns their hashes."""
    if not people:
        return []
    ids = [one.id for one in people]
    hashes = [one.address_hash for one in people]
    addresses = [one.address.lower() for one in people if one.address]
    chats = [one.id for one in people if one.kind == DestinationKind.CHAT]
    gone = _left_with_nothing(session, people)
    _end(session, ids, now)
    _quiet_the_ledger(session, [*ids, *_ended_chats(session, gone)], now)
    for chat in chats:
        stop_target(session, chat, TargetEnd.PERSON)
    for subscriber_id in gone:
        stop_all_targets(session, subscriber_id)
    _drop_tokens(session, ids, hashes)
    session.execute(
        delete(MailboxMessage).where(func.lower(MailboxMessage.recipient).in_(addresses))
    )
    acts.forget_subjects(session, set(hashes))
    session.execute(
        update(Destination)
        .where(Destination.id.in_(ids))
        .values(
            address="",
            address_hash=FORGOTTEN + cast(Destination.id, String),
            subscriber_id=None,
            verified_at=None,
            is_paused=False,
            paused_from=None,
            paused_until=None,
            quiet_from=None,
            quiet_until=None,
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(Subscriber)
        .where(Subscriber.id.in_(gone))
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return hashes


def _left_with_nothing(session: Session, people: Sequence[Destination]) -> list[int]:
    """The subscribers who have no address beside these."""
    subscribers = {one.subscriber_id for one in people if one.subscriber_id is not None}
    others = session.scalars(
        select(Destination.subscriber_id)
        .where(Destination.subscriber_id.in_(subscribers), is_known())
        .where(Destination.id.not_in([one.id for one in people]))
    )
    return sorted(subscribers - set(others))


def _ended_chats(session: Session, subscriber_ids: Sequence[int]) -> Sequence[int]:
    """Chats that these had: they are emptied, but may still be named in what was answered."""
    return session.scalars(
        select(Destination.id)
        .where(Destination.subscriber_id.in_(subscriber_ids), ~is_known())
        .order_by(Destination.id)
    ).all()


def _drop_tokens(session: Session, ids: list[int], hashes: list[str]) -> None:
    """Also those of others who wanted to move to one of these addresses."""
    moves_there = OneTimeToken.payload["to"].as_string().in_(hashes)
    session.execute(
        delete(OneTimeToken)
        .where(
            OneTimeToken.destination_id.in_(ids)
            | ((OneTimeToken.purpose == TokenPurpose.MOVE) & moves_there)
        )
        .execution_options(synchronize_session=False)
    )


def _end(session: Session, ids: list[int], now: datetime) -> None:
    """Also those that ended before: no old link may undo their end."""
    session.execute(
        update(Subscription)
        .where(Subscription.destination_id.in_(ids))
        .values(ended_at=func.coalesce(Subscription.ended_at, now), end_reason=ENDED)
        .execution_options(synchronize_session=False)
    )


def _quiet_the_ledger(session: Session, ids: list[int], now: datetime) -> None:
    """Stop letters of the service, cancel what waits, and drop what the other side said.

    Queued rows are left to the worker that has them or will have them: a row that vanished from its
    batch would look to it like a lease that is lost.
    """
    cancelled = set(session.scalars(_CANCEL_WAITING, {"ids": ids, "now": now}))
    for notification_id in sorted(cancelled):
        session.execute(CLOSE_ONE, {"notification": notification_id, "now": now})
    of_theirs = select(Delivery.notification_id).where(Delivery.destination_id.in_(ids))
    letters = session.execute(
        select(Notification.id, Notification.payload, Notification.state)
        .where(Notification.id.in_(of_theirs), Notification.kind == NotificationKind.SERVICE)
        .order_by(Notification.id)
    ).all()
    for id_, payload, state in letters:  # most are over, and have nothing to hide
        blank = _blank(payload)
        if state in _OVER and blank == payload:
            continue
        stopped = func.coalesce(Notification.stopped_at, now)
        session.execute(
            update(Notification)
            .where(Notification.id == id_)
            .values(stopped_at=stopped, payload=blank)
        )
    session.execute(
        update(DeliveryAnswer)
        .where(DeliveryAnswer.destination_id.in_(ids))
        .where(DeliveryAnswer.notification_id.in_(of_theirs))
        .values(detail="")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Bounce)
        .where(Bounce.destination_id.in_(ids))
        .values(detail="", domain="")
        .execution_options(synchronize_session=False)
    )


def _blank(payload: dict[str, Any]) -> dict[str, Any]:
    """A letter that a worker renders right now needs its names; nobody needs their texts."""
    return {
        name: value if name in _HARMLESS or isinstance(value, int) else ""
        for name, value in payload.items()
    }


def _choices(session: Session, destination_id: int) -> list[dict[str, Any]]:
    live = session.execute(
        select(Subscription.topic_id, Subscription.place_id, Subscription.frequency)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    )
    return [{"topic": topic, "place": place, "frequency": str(f)} for topic, place, f in live]
