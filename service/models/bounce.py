"""A bounce or a complaint: what came back of a letter, beside what the ledger says of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class BounceVerdict(StrEnum):
    """Whose fault it is that a letter came back (email guide, rules 15 and 16)."""

    HARD = "hard"  # there is no such mailbox
    DISABLED = "disabled"  # there is one, and it takes no mail at the moment
    SOFT = "soft"  # full, away, or refused for a reason that may pass
    OURS = "ours"  # our signature, our reputation, our words
    COMPLAINT = "complaint"  # its reader called the letter spam
    NOTHING = "nothing"  # still on its way, or arrived: not kept


class Bounce(Base):
    """One row for each delivery and verdict, so that a report that comes twice counts once.

    `forgiven_at`: the suppression that it led to was lifted, and it counts for none any more.
    The domain is the recipient's, the detail the other side's words without addresses. The rows go
    with the ledger's (`service.ledger.retention`).
    """

    __tablename__ = "bounce"
    __table_args__ = (
        UniqueConstraint("notification_id", "destination_id", "verdict"),
        Index("ix_bounce_destination", "destination_id", "at"),
        Index("ix_bounce_lane", "lane", "at"),
        Index("ix_bounce_domain", "domain", "at"),
        Index("ix_bounce_at", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notification_id: Mapped[int] = mapped_column(BigId)
    destination_id: Mapped[int] = mapped_column(BigId)
    verdict: Mapped[BounceVerdict] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default="")
    detail: Mapped[str] = mapped_column(String(200), default="")
    lane: Mapped[str] = mapped_column(String(64))
    domain: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=utcnow)
    forgiven_at: Mapped[datetime | None]
