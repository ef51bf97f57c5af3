"""Personal chat targets: what a person has, and how one ends, at once and for good.

A target is a chat destination of its person and a row with its sealed address. When it ends, its
subscriptions end, and its address is erased: from the row, and by its hash from the destination,
so that it can be added anew, by anybody who proves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows, utcnow
from service.models import (
    ChatClaim,
    ChatTarget,
    Destination,
    DestinationKind,
    SentMessage,
    Subscription,
    TargetEnd,
)
from service.personal_chat import ChatKind
from service.subscriptions import abroad
from service.subscriptions.chat_addresses import telegram_address
from service.subscriptions.persons import FORGOTTEN
from service.subscriptions.unsubscribe import end_all

SHOWN_FOR = timedelta(days=28)  # after its end, to its person
CLAIMS_KEPT = timedelta(days=7)  # after their own end


def targets_of(session: Session, subscriber_id: int) -> Sequence[ChatTarget]:
    """A person's targets, oldest first: those that live, and those that ended by themselves."""
    is_shown = or_(
        ChatTarget.ended_at.is_(None),
        (ChatTarget.end_reason == TargetEnd.GONE) & (ChatTarget.ended_at > utcnow() - SHOWN_FOR),
    )
    return session.scalars(
        select(ChatTarget)
        .join(Destination, Destination.id == ChatTarget.destination_id)
        .where(Destination.subscriber_id == subscriber_id, is_shown)
        .order_by(ChatTarget.destination_id)
    ).all()


def live_targets(session: Session, subscriber_id: int) -> list[ChatTarget]:
    """Those of a person's targets that news goes to."""
    hears = select(Subscription.id).where(
        Subscription.destination_id == ChatTarget.destination_id, Subscription.ended_at.is_(None)
    )
    return list(
        session.scalars(
            select(ChatTarget)
            .join(Destination, Destination.id == ChatTarget.destination_id)
            .where(Destination.subscriber_id == subscriber_id, ChatTarget.ended_at.is_(None))
            .where(hears.exists())
            .order_by(ChatTarget.destination_id)
        )
    )


def stop_target(
    session: Session,
    destination_id: int,
    reason: TargetEnd,
    *,
    subscriber_id: int | None = None,
) -> bool:
    """End a target and erase its address; False: it had ended, or is not this person's.

    The caller owns the transaction; from its commit on nothing is sent there.
    """
    mine = [Destination.id == destination_id, Destination.kind == DestinationKind.CHAT]
    if subscriber_id is not None:
        mine.append(Destination.subscriber_id == subscriber_id)
    ended = rows(
        session,
        update(ChatTarget)
        .where(ChatTarget.destination_id.in_(select(Destination.id).where(*mine)))
        .where(ChatTarget.ended_at.is_(None))
        .values(
            ended_at=utcnow(),
            end_reason=reason,
            sealed_address="",
            label=_provider(session, destination_id),
        )
        .execution_options(synchronize_session=False),
    )
    if not ended:
        return False
    end_all(session, destination_id, reason)
    session.execute(delete(SentMessage).where(SentMessage.destination_id == destination_id))
    destination = session.get_one(Destination, destination_id)
    for kind in ChatKind:
        abroad.withdraw(session, destination, kind, reason)
    session.execute(
        update(Destination)
        .where(Destination.id == destination_id)
        .values(address_hash=f"{FORGOTTEN}{destination_id}", verified_at=None)
        .execution_options(synchronize_session=False)
    )
    return True


def stop_chat(session: Session, vault: Vault, chat_id: int) -> bool:
    """End the target of a Telegram chat that asked for it; False: it is nobody's."""
    hashed = telegram_address(chat_id).hashed(vault)
    found = session.scalar(
        select(Destination.id).where(
            Destination.kind == DestinationKind.CHAT, Destination.address_hash == hashed
        )
    )
    return found is not None and stop_target(session, found, TargetEnd.CHAT)


def stop_all_targets(session: Session, subscriber_id: int) -> int:
    """End all targets of a person of whom everything is erased, with what leads from them to the
    person; how many lived. The caller owns the transaction."""
    chats = session.scalars(
        select(Destination.id).where(
            Destination.subscriber_id == subscriber_id, Destination.kind == DestinationKind.CHAT
        )
    ).all()
    ended = sum(stop_target(session, one, TargetEnd.PERSON) for one in chats)
    session.execute(
        update(Destination)
        .where(Destination.id.in_(chats))
        .values(subscriber_id=None)
        .execution_options(synchronize_session=False)
    )
    named = session.scalars(
        delete(ChatClaim)
        .where(ChatClaim.subscriber_id == subscriber_id)
        .returning(ChatClaim.destination_id)
    ).all()
    _stop_unproved(session, utcnow(), ChatTarget.destination_id.in_(named))
    return ended


def forget_unproved(session: Session, now: datetime) -> int:
    """Erase the addresses of chats that nobody proved in time, and claims that ended long ago."""
    forgotten = _stop_unproved(session, now)
    session.execute(delete(ChatClaim).where(ChatClaim.expires_at < now - CLAIMS_KEPT))
    return forgotten


def _stop_unproved(session: Session, now: datetime, *only: ColumnElement[bool]) -> int:
    """End the targets that nobody has proved and that no open claim names."""
    is_open = select(ChatClaim.id).where(
        ChatClaim.destination_id == ChatTarget.destination_id, ChatClaim.expires_at > now
    )
    left = session.scalars(
        select(ChatTarget.destination_id)
        .join(Destination, Destination.id == ChatTarget.destination_id)
        .where(ChatTarget.ended_at.is_(None), Destination.verified_at.is_(None))
        .where(~is_open.exists(), *only)
        .with_for_update(of=Destination)
    ).all()
    return sum(stop_target(session, one, TargetEnd.UNPROVED) for one in left)


def _provider(session: Session, destination_id: int) -> str:
    """The part of a label that names no chat."""
    label = session.scalar(
        select(ChatTarget.label).where(ChatTarget.destination_id == destination_id)
    )
    return (label or "").partition(" · ")[0]
