"""A batch: up to 1,000 deliveries of one notification in one lane; the unit a worker claims."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow
from service.models.destination import DestinationKind

OPEN = text("state < 2")
HELD = text("held_at IS NOT NULL")


class BatchState(IntEnum):
    READY = 0
    LEASED = 1
    DONE = 2


class Batch(Base):
    """`due_at` is retry time and lease end in one: the sweeper asks what a claim asks.

    `held_at`: handed back because staff paused what is in it; resuming finds it by that.
    `attempts` counts claims in a row that ended neither in an outcome nor in order: deaths.
    """

    __tablename__ = "batch"
    __table_args__ = (
        Index("ix_batch_open", "due_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_batch_held", "id", sqlite_where=HELD, postgresql_where=HELD),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notification_id: Mapped[int] = mapped_column(ForeignKey("notification.id"), index=True)
    kind: Mapped[DestinationKind] = mapped_column(String(8))
    lane: Mapped[str] = mapped_column(String(64))
    queue: Mapped[str] = mapped_column(String(16))
    state: Mapped[BatchState] = mapped_column(SmallInteger, default=BatchState.READY)
    lease: Mapped[str | None] = mapped_column(String(80))
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    attempts: Mapped[int] = mapped_column(default=0)
    held_at: Mapped[datetime | None]
    rung_at: Mapped[datetime] = mapped_column(default=utcnow)
