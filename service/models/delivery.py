"""A delivery: the ledger's row, one notification to one destination; never two of a pair."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class DeliveryState(IntEnum):
    """Small numbers keep a ledger of a billion rows lean. "Sending" is derived, not stored."""

    QUEUED = 0
    SENT = 1
    DEFERRED = 2
    REJECTED = 3
    UNKNOWN = 4
    SUPPRESSED = 5
    CANCELLED = 6

    @property
    def word(self) -> str:
        return self.name.lower()


DEFERRED = text("state = 2")


class Delivery(Base):
    """The reason is the subscription that asked for it; the revision is what was sent.

    `maybe_revision_id`: what an earlier try may have brought although no answer came, 0 where
    nobody knows which text that was. Whoever has one counts as told.

    PostgreSQL keeps it in partitions, and drops old ones whole (`service.ledger.partitions`).
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_batch_id", "batch_id"),
        Index("ix_delivery_destination_id", "destination_id", "notification_id"),
        # By reader too, so that what one of them waits for is taken together.
        Index(
            "ix_delivery_deferred",
            "due_at",
            "destination_id",
            sqlite_where=DEFERRED,
            postgresql_where=DEFERRED,
        ),
        # Whether a notification has any: asked each second of those that are nearly done.
        Index(
            "ix_delivery_deferred_of",
            "notification_id",
            sqlite_where=DEFERRED,
            postgresql_where=DEFERRED,
        ),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (notification_id)"},
    )

    # No foreign keys: only `service.ledger` writes here, from rows that it selects in the same
    # statement, and a check for each of a million rows would double the cost of planning.
    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    destination_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    state: Mapped[DeliveryState] = mapped_column(SmallInteger)
    batch_id: Mapped[int | None] = mapped_column(BigId)
    subscription_id: Mapped[int | None] = mapped_column(BigId)
    revision_id: Mapped[int | None] = mapped_column(BigId)
    maybe_revision_id: Mapped[int | None] = mapped_column(BigId)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    due_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class DeliveryAnswer(Base):
    """What the other side said, kept only where it was not a plain yes, and of test-sends and
    webhooks. `took_ms`: from the first byte to the answer, where that was measured.

    So few rows that retention deletes them by their index: no partitions, and a plain key.
    """

    __tablename__ = "delivery_answer"
    __table_args__ = (Index("ix_delivery_answer_pair", "notification_id", "destination_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notification_id: Mapped[int] = mapped_column(BigId)
    destination_id: Mapped[int] = mapped_column(BigId)
    state: Mapped[DeliveryState] = mapped_column(SmallInteger)
    code: Mapped[str] = mapped_column(String(16), default="")
    detail: Mapped[str] = mapped_column(String(500), default="")
    at: Mapped[datetime] = mapped_column(default=utcnow)
    took_ms: Mapped[int | None]
