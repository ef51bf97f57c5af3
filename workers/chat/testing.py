"""Test messages of channels: by which address they go, and what is kept of the answer."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.ledger.outcome import Outcome
from service.models import Channel, ChannelTest, DeliveryState, Notification

DROPPED = Outcome(DeliveryState.CANCELLED, "dropped", "the address was dropped meanwhile")


def test_of(
    session: Session, notification: Notification, urls: dict[int, str]
) -> ChannelTest | None:
    """The test that a notification is, if it is one. One of an address that is to follow goes there
    (`urls`: by channel), or nowhere where that address was dropped since."""
    test = session.get(ChannelTest, notification.id)
    if test is not None and test.is_of_next:
        channel = session.get_one(Channel, test.channel_id)
        is_current = channel.next_test_id == notification.id
        urls[channel.id] = channel.next_sealed_url if is_current else ""
    return test


def note(
    db: Database, test: ChannelTest, outcome: Outcome, message_id: str, said: str, took_s: float
) -> None:
    """Keep what was answered, for those who asked."""
    with db.write() as session:
        session.execute(
            update(ChannelTest)
            .where(ChannelTest.notification_id == test.notification_id)
            .values(
                code=outcome.code[:16],
                said=said,
                message_id=message_id.replace("\0", "")[:300],
                took_ms=round(took_s * 1_000),
                answered_at=utcnow(),
            )
        )
