"""The texts that people agree to or are told of, in versions: append-only."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class NoticeKind(StrEnum):
    """`notice`: what we do with personal data. The others are sentences with a box to tick."""

    NOTICE = "notice"
    CONSENT = "consent"
    ABROAD = "abroad"


class NoticeText(Base):
    """One version of a text in one language; versions of a kind and language count from 1.

    `published_by` is null for a text that came with the software.
    """

    __tablename__ = "notice_text"
    __table_args__ = (UniqueConstraint("kind", "language", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(64), index=True)
    published_at: Mapped[datetime] = mapped_column(default=utcnow)
    published_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
