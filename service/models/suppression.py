"""Suppressions: addresses, by keyed hash, that must not be written to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, utcnow


class SuppressionReason(StrEnum):
    """Why nobody writes to an address any more."""

    HARD = "hard bounce"
    DISABLED = "mailbox disabled"
    SOFT = "soft bounces"
    COMPLAINT = "complaint"
    ASKED = "asked"  # by phone or on paper: staff wrote it down

    @property
    def is_of_the_mailbox(self) -> bool:
        """True where it says that mail does not arrive, and nothing about whether it is wanted."""
        return self not in (SuppressionReason.COMPLAINT, SuppressionReason.ASKED)


class Suppression(Base):
    """Outlives the address itself, so that an import cannot revive it."""

    __tablename__ = "suppression"
    __table_args__ = (
        Index("ix_suppression_reason", "reason"),
        Index("ix_suppression_at", "at", "address_hash"),
    )

    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(32))
    evidence: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=utcnow)
