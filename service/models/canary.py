"""The canaries: a synthetic subscriber for each kind of channel, and what proved that it heard."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class CanaryKind(StrEnum):
    """By which way it hears."""

    EMAIL = "email"
    CHAT = "chat"
    FEED = "feed"


class Canary(Base):
    """One that the settings ask for, since `since`: what was released before proves nothing.

    The destination of an email canary belongs to nobody, so it is no reader; that of a chat canary
    is the channel's own; a feed has none. `said`: what kept the last look from seeing anything.
    """

    __tablename__ = "canary"

    kind: Mapped[CanaryKind] = mapped_column(String(8), primary_key=True)
    destination_id: Mapped[int | None] = mapped_column(ForeignKey("destination.id"), unique=True)
    since: Mapped[datetime] = mapped_column(default=utcnow)
    looked_at: Mapped[datetime | None]
    said: Mapped[str] = mapped_column(String(300), default="")


class CanaryProof(Base):
    """What became of one article's telling: proved, missed, or missed first and proved late.

    Neither: staff said after a restore that it was told, which nothing can prove any more.
    """

    __tablename__ = "canary_proof"
    __table_args__ = (Index("ix_canary_proof_released_at", "released_at"),)

    kind: Mapped[CanaryKind] = mapped_column(String(8), primary_key=True)
    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    released_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
