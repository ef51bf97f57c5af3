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
    Batch,
    Channel,
    ChannelTest,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Notification,
)
from service.subscriptions import channels


@dataclass(frozen=True)
class LastTest:
    """What became of the newest test message; answers newest first."""

    found: ChannelTest
    state: str
    answers: list[DeliveryAnswer]

    @property
    def took(self) -> timedelta | None:
        """From the asking to the last answer, waiting in the queue included."""
        return self.answers[0].at - self.found.asked_at if self.answers else None

    @property
    def answered_in(self) -> timedelta | None:
        """From our request to its service's answer."""
        took_ms = self.found.took_ms
        return None if took_ms is None else timedelta(milliseconds=took_ms)


def ask(session: Session, channel: Channel, request_id: str, *, is_of_next: bool = False) -> Batch:
    """Queue a test message; `ring_batch` for it after the commit. `is_of_next`: to the address that
    is to follow. Whoever asks notes the act."""
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    batch = queue_direct(
        session,
        destination=destination,
        template="channel_test",
        payload={},
        request_id=request_id,
    )
    number = batch.notification_id
    session.add(ChannelTest(notification_id=number, channel_id=channel.id, is_of_next=is_of_next))
    return batch


def queue_test(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, request_id: str
) -> Batch:
    """Queue a test message, as an act of the staff; `ring_batch` for it after the commit."""
    batch = ask(session, channel, request_id)
    noted = batch.notification_id
    acts.record(session, vault, actor, "channel.test", channel.id, notification_id=noted)
    return batch


def last_test(session: Session, channel_id: int) -> LastTest | None:
    """The newest test of a channel's address and what was answered; null where there is none."""
    newest = select(ChannelTest).where(ChannelTest.channel_id == channel_id)
    newest = newest.where(ChannelTest.is_of_next.is_(False))
    test = session.scalar(newest.order_by(ChannelTest.notification_id.desc()).limit(1))
    return None if test is None else _told(session, test)


def test_of_next(session: Session, channel: Channel) -> LastTest | None:
    """The test of the address that is to follow; null where there is none."""
    test = session.get(ChannelTest, channel.next_test_id or 0)
    return None if test is None else _told(session, test)


def _told(session: Session, test: ChannelTest) -> LastTest | None:
    destination = channels.destination_of(session, test.channel_id)
    if destination is None:
        return None
    key = (test.notification_id, destination.id)
    delivery = session.get(Delivery, key)
    answers = session.scalars(
        select(DeliveryAnswer)
        .where(DeliveryAnswer.notification_id == key[0], DeliveryAnswer.destination_id == key[1])
        .order_by(DeliveryAnswer.id.desc())
    ).all()
    state = DeliveryState(delivery.state).word if delivery else _final_state(session, key[0])
    return LastTest(test, state, list(answers))


def _final_state(session: Session, notification_id: int) -> str:
    """The outcome of a test whose row has gone by its age."""
    final = session.scalar(
        select(Notification.final_counts).where(Notification.id == notification_id)
    )
    return next(iter(final or {}), DeliveryState.QUEUED.word)
