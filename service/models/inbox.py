"""The inbox: every verified request of a CMS, kept until it may be forgotten."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Verdict(StrEnum):
    """What became of a request. `failed`: the preset does not fit, and the event can be replayed
    once it does. `pending`: the CMS must be asked for what the event leaves out."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    PENDING = "pending"


PENDING = text("verdict = 'pending'")
FAILED = text("verdict = 'failed'")


class InboxEvent(Base):
    """One request. The sender's delivery id makes a repeat harmless (invariant 5).

    Of a pending one: `due_at` is when it may be taken up, or taken up again, and `rung_at` when
    somebody last rang for it.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("source_id", "delivery_key"),
        Index("ix_inbox_pending", "due_at", sqlite_where=PENDING, postgresql_where=PENDING),
        # What staff look at: the newest of a source, of one verdict or, merged, of all; how many
        # of each verdict since yesterday; the failed ones that are read again.
        Index("ix_inbox_looked_at", "source_id", "verdict", "received_at", "id"),
        Index("ix_inbox_failed", "id", sqlite_where=FAILED, postgresql_where=FAILED),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    delivery_key: Mapped[str] = mapped_column(String(255))
    body_hash: Mapped[str] = mapped_column(String(64))
    sealed_body: Mapped[str | None]
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON)  # see `kept_headers`
    verdict: Mapped[Verdict] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(default="")
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))
    request_id: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    due_at: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
