"""A subscriber: a person known only by the addresses they verified."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Subscriber(Base):
    """No name, no ID number, no birth date: least data.

    `feed_number`: a part of the address of their private feed, drawn anew with each address; null
    where they have none. When and by whom a feed is read is nowhere.
    """

    __tablename__ = "subscriber"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    language: Mapped[str] = mapped_column(String(8), default="tr")
    feed_number: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
