"""One-time tokens: what a mailed link may do, once, until it expires."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class TokenPurpose(StrEnum):
    CONFIRM = "confirm"
    SIGN_IN = "sign-in"
    MOVE = "move"  # to another address


class OneTimeToken(Base):
    """The link carries this row's number under a signature, so the row holds no secret."""

    __tablename__ = "token"
    # A number is in a mailed link: it must not come back for another once its row is deleted.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[TokenPurpose] = mapped_column(String(16))
    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
