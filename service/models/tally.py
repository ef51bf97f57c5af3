"""Tallies: how the deliveries of a notification came out, counted before anybody asks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId
from service.models.delivery import DeliveryState
from service.models.notification import NotificationKind


class Tally(Base):
    """What one notification's deliveries were at `counted_at`; final where the notification's
    `tallied_end` is its end. It goes when the notification is archived, whose own counts stay.

    `cells`: what it added to the sums of its day, to be taken back when it is counted anew:
    `[destination kind, lane, state, delay bucket or null, count]` each.
    """

    __tablename__ = "tally"

    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    counted_at: Mapped[datetime]
    day: Mapped[date]
    queued: Mapped[int] = mapped_column(BigId)
    sent: Mapped[int] = mapped_column(BigId)
    deferred: Mapped[int] = mapped_column(BigId)
    rejected: Mapped[int] = mapped_column(BigId)
    unknown: Mapped[int] = mapped_column(BigId)
    suppressed: Mapped[int] = mapped_column(BigId)
    cancelled: Mapped[int] = mapped_column(BigId)
    cells: Mapped[list[list[Any]]] = mapped_column(JSON)

    def count(self, state: DeliveryState) -> int:
        """How many deliveries were in this state."""
        return int(getattr(self, state.word))

    @property
    def total(self) -> int:
        return sum(self.count(state) for state in DeliveryState)


class TallyDay(Base):
    """As `delivery_day`, of what is not archived yet: the sum of all tallies of a day."""

    __tablename__ = "tally_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[NotificationKind] = mapped_column(String(16), primary_key=True)
    destination_kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    lane: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[DeliveryState] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False
    )
    count: Mapped[int] = mapped_column(BigId)


class DelayDay(Base):
    """How long the news of a day took from publication to their readers, in buckets that grow
    (`service.ledger.delays`). Stays when the rows that it was counted from are gone."""

    __tablename__ = "delay_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    destination_kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    lane: Mapped[str] = mapped_column(String(64), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigId)
