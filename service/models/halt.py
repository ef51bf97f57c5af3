"""A halt: staff stopped sending for a while (a pause) or for good (a cancel)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class HaltScope(StrEnum):
    ALL = "all"
    ARTICLE = "article"
    TOPIC = "topic"
    CHANNEL = "channel"
    LANE = "lane"


class HaltKind(StrEnum):
    PAUSE = "pause"
    CANCEL = "cancel"


LIVE_PAUSE = text("kind = 'pause' AND ended_at IS NULL")
CANCELS = text("kind = 'cancel'")


class Halt(Base):
    """A pause holds until `ended_at`; a cancel is about what was released before `at`.

    `object_id` is the article, topic or channel, or the checksum of a mail lane's name, which
    `lane` holds; 0 where everything is meant.
    """

    __tablename__ = "halt"
    __table_args__ = (
        Index(
            "uq_halt_live_pause",
            "scope",
            "object_id",
            unique=True,
            sqlite_where=LIVE_PAUSE,
            postgresql_where=LIVE_PAUSE,
        ),
        Index("ix_halt_cancel", "at", sqlite_where=CANCELS, postgresql_where=CANCELS),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[HaltScope] = mapped_column(String(8))
    object_id: Mapped[int] = mapped_column(BigId, default=0)
    lane: Mapped[str] = mapped_column(String(64), default="")
    kind: Mapped[HaltKind] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]
