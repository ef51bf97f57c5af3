"""Digests: what a reader is told in one letter, once a day or a week, or after quiet hours."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow
from service.models.subscription import Frequency


class DigestRun(Base):
    """One edition of all daily or weekly digests; `day` is the city's, and there is one of each.

    It tells what was released after `from_at` and until `until_at`. A run with nothing to tell has
    no notification.
    """

    __tablename__ = "digest_run"
    __table_args__ = (UniqueConstraint("frequency", "day"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    frequency: Mapped[Frequency] = mapped_column(String(8))
    day: Mapped[date]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    notification_id: Mapped[int | None] = mapped_column(ForeignKey("notification.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class DigestArticle(Base):
    """An article that a digest or a summary may tell; each item is one of these."""

    __tablename__ = "digest_article"

    notification_id: Mapped[int] = mapped_column(ForeignKey("notification.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True, index=True)


class DigestItem(Base):
    """An article of one reader's letter, with the text that it tells.

    With the state of the delivery it proves who was told what. A null revision was not told: it was
    taken out before the letter left, or it is one of those that the letter's link leads to.
    """

    __tablename__ = "digest_item"
    __table_args__ = (
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (notification_id)"},
    )

    # As of `delivery`: no foreign keys, and the same partitions.
    notification_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    destination_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    article_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    revision_id: Mapped[int | None] = mapped_column(BigId)
    subscription_id: Mapped[int | None] = mapped_column(BigId)
