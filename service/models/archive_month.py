"""Months of the feeds' archives (RFC 5005): which are closed, and how far the next one is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId


class ArchiveMonth(Base):
    """A month that is being closed or is closed; `number` is 202611 for November 2026.

    It holds articles of positions from `start` on and before `until`, and those of earlier months
    that changed after theirs was closed. What has a number of the feed clock above `since_seq` may
    have changed while it was being closed, and belongs to a later month.
    """

    __tablename__ = "archive_month"
    __table_args__ = (Index("ix_archive_month_changed_seq", "changed_seq"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger)
    since_seq: Mapped[int] = mapped_column(BigId)
    cursor: Mapped[int] = mapped_column(BigInteger)  # the last position that is frozen
    begun_at: Mapped[datetime]
    # Null while it is being closed.
    closed_seq: Mapped[int | None] = mapped_column(BigId)
    closed_at: Mapped[datetime | None]
    # The last change of what its documents say: its closing, or a withdrawal or erasure since.
    changed_seq: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime | None]
