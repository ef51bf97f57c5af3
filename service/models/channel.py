"""A channel: a public chat room or webhook that staff manage."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Channel(Base):
    """Its Apprise URL is a secret: sealed here, masked wherever it is shown.

    `public_url`: where citizens read or join it, which pages link to; empty: nowhere. One that
    was removed stays for the ledger's sake, with `removed_at`, without its URL, under its name and
    number, so that the name is free again.
    """

    __tablename__ = "channel"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    scheme: Mapped[str] = mapped_column(String(32))
    sealed_url: Mapped[str]
    masked_url: Mapped[str]
    public_url: Mapped[str] = mapped_column(default="")
    is_paused: Mapped[bool] = mapped_column(default=False)
    pause_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    removed_at: Mapped[datetime | None]
