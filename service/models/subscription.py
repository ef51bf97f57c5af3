"""A subscription: destination × topic (or all) × place (or whole city) × frequency."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Frequency(StrEnum):
    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"


class Subscription(Base):
    """A null topic asks for everything, a null place for the whole city.

    `is_local_only`: of a place alone, without what concerns the whole city.

    `changed_from`: the summary (daily or weekly) that its person had before. What came out up to
    `created_at` and was not told yet is still in that one's next edition.

    It ends by `ended_at`, so that the ledger's reasons stay readable and an end can be undone.
    """

    __tablename__ = "subscription"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"), index=True)
    topic_id: Mapped[int | None] = mapped_column(ForeignKey("topic.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))
    frequency: Mapped[Frequency] = mapped_column(String(8), default=Frequency.INSTANT)
    is_local_only: Mapped[bool] = mapped_column(default=False)
    changed_from: Mapped[Frequency | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))


# One live subscription for each choice: nulls count as equal here.
Index(
    "uq_subscription_live",
    Subscription.destination_id,
    func.coalesce(Subscription.topic_id, 0),
    func.coalesce(Subscription.place_id, 0),
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

# Who changed since the last edition of a summary, and is still owed by it: few.
Index(
    "ix_subscription_owed",
    Subscription.changed_from,
    Subscription.created_at,
    sqlite_where=text("ended_at IS NULL AND changed_from IS NOT NULL"),
    postgresql_where=text("ended_at IS NULL AND changed_from IS NOT NULL"),
)

# Who asked for a topic, in order of destination, read from the index alone: what planning walks.
Index(
    "ix_subscription_match",
    Subscription.topic_id,
    Subscription.destination_id,
    Subscription.place_id,
    Subscription.frequency,
    Subscription.is_local_only,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
    postgresql_include=["id"],
)
