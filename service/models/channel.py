"""A channel: a public chat room or webhook that staff manage."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow

STANDS = text("removed_at IS NULL")


class Channel(Base):
    """Its Apprise URL is a secret: sealed here, masked wherever it is shown.

    `public_url`: where citizens read or join it, which pages link to; empty: nowhere. `room_hash`
    says which room it is, whatever token leads there. `next_…`: an address that is to take the
    place of this one, once the test `next_test_id` (a notification) has brought a message there.
    `paused_at`: since when it is paused by itself. One that was removed stays for the ledger's
    sake, with `removed_at`, without its URL, under its name and number, so that the name is free
    again.
    """

    __tablename__ = "channel"
    __table_args__ = (
        Index(
            "uq_channel_room",
            "room_hash",
            unique=True,
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    scheme: Mapped[str] = mapped_column(String(32))
    sealed_url: Mapped[str]
    masked_url: Mapped[str]
    public_url: Mapped[str] = mapped_column(default="")
    room_hash: Mapped[str | None] = mapped_column(String(64))
    next_sealed_url: Mapped[str] = mapped_column(default="")
    next_masked_url: Mapped[str] = mapped_column(default="")
    next_test_id: Mapped[int | None] = mapped_column(BigId)
    is_paused: Mapped[bool] = mapped_column(default=False)
    pause_reason: Mapped[str] = mapped_column(default="")
    paused_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    removed_at: Mapped[datetime | None]


class ChannelTest(Base):
    """A test message and what its service answered. `said`: its own words, cut and without what is
    secret of the address; `took_ms`: from our request to its answer."""

    __tablename__ = "channel_test"

    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), index=True)
    is_of_next: Mapped[bool] = mapped_column(default=False)  # of the address that is to follow
    asked_at: Mapped[datetime] = mapped_column(default=utcnow)
    code: Mapped[str] = mapped_column(String(16), default="")
    said: Mapped[str] = mapped_column(String(300), default="")
    message_id: Mapped[str] = mapped_column(String(300), default="")
    took_ms: Mapped[int | None]
    answered_at: Mapped[datetime | None]
