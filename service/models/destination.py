"""A destination: one verified address of a subscriber, or one public channel of the city."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class DestinationKind(StrEnum):
    EMAIL = "email"
    CHAT = "chat"
    WEBSUB = "websub"


class Destination(Base):
    """Where a delivery goes. Only a verified destination gets anything but its confirmation.

    `quiet_from` and `quiet_until` are minutes after midnight of the city's day: what comes in
    between waits, unless two of the staff let it through. `is_urgent_only`: of all that it asks for
    it hears what is urgent, and what follows up what it heard. From `paused_from` to `paused_until`
    its person takes, or took, a break: what comes in meanwhile is not sent later.
    """

    __tablename__ = "destination"
    __table_args__ = (UniqueConstraint("kind", "address_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[DestinationKind] = mapped_column(String(8))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"), index=True)
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channel.id"), index=True)
    address: Mapped[str] = mapped_column(default="")  # empty for channels: their URL is sealed
    address_hash: Mapped[str] = mapped_column(String(64))
    lane: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8), default="tr")
    verified_at: Mapped[datetime | None]
    is_paused: Mapped[bool] = mapped_column(default=False)
    paused_from: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    quiet_from: Mapped[int | None] = mapped_column(SmallInteger)
    quiet_until: Mapped[int | None] = mapped_column(SmallInteger)
    is_urgent_only: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
