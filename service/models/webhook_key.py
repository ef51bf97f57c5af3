"""The secret by which a webhook's receiver knows who sends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, utcnow


class WebhookKey(Base):
    """Sealed, and shown once, when it is made. `sealed_before`: the one before it, which signs
    beside it until `before_until`, so that the receiver can change it without haste."""

    __tablename__ = "webhook_key"

    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    sealed: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(default=utcnow)
    sealed_before: Mapped[str | None]
    before_until: Mapped[datetime | None]
