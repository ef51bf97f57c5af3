"""Test messages of channels: an ordinary delivery, whose answer is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ledger.direct import queue_direct
from service.models import (
    AuditEntry,
    Batch,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Notification,
)
from service.subscriptions import channels

TESTED = "channel.test"


@dataclass(frozen=True)
class LastTest:
    """What became of the newest test message; answers newest first."""

    entry: AuditEntry
    state: str
    answers: list[DeliveryAnswer]

    @property
    def took(self) -> timedelta | None:
        """From the asking to the last answer, waiting in the queue included."""
        return self.answers[0].at - self.entry.at if self.answers else None


def queue_test(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, request_id: str
) -> Batch:
    """Queue a test message; `ring_batch` for it after the commit."""
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    batch = queue_direct(
        session,
        destination=destination,
        template="channel_test",
        payload={},
        request_id=request_id,
    )
    noted = batch.notification_id
    acts.record(session, vault, actor, TESTED, channel.id, notification_id=noted)
    return batch


def last_test(session: Session, channel_id: int) -> LastTest | None:
    """The newest test of a channel and what was answered; null where there is none."""
    entry = session.scalar(
        select(AuditEntry)
        .where(AuditEntry.act == TESTED, AuditEntry.object_id == channel_id)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    destination = channels.destination_of(session, channel_id)
    if entry is None or destination is None:
        return None
    key = (entry.detail["notification_id"], destination.id)
    delivery = session.get(Delivery, key)
    answers = session.scalars(
        select(DeliveryAnswer)
        .where(DeliveryAnswer.notification_id == key[0], DeliveryAnswer.destination_id == key[1])
        .order_by(DeliveryAnswer.id.desc())
    ).all()
    state = DeliveryState(delivery.state).word if delivery else _final_state(session, key[0])
    return LastTest(entry, state, list(answers))


def _final_state(session: Session, notification_id: int) -> str:
    """The outcome of a test whose row has gone by its age."""
    final = session.scalar(
        select(Notification.final_counts).where(Notification.id == notification_id)
    )
    return next(iter(final or {}), DeliveryState.QUEUED.word)
