"""A notification: the decision to send something to everybody whom it concerns."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class NotificationKind(StrEnum):
    NEW = "new"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    DIGEST = "digest"
    SUMMARY = "summary"
    SERVICE = "service"
    FEED = "feed"


class NotificationState(StrEnum):
    """`held → released → planning → planned → done`, or `cancelled` on the way."""

    HELD = "held"
    RELEASED = "released"
    PLANNING = "planning"
    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"


class Resend(StrEnum):
    """Whom an explicit resend takes up again: those who did not get it, or also the unknown."""

    MISSING = "missing"
    UNKNOWN = "unknown"


ONE_LIVE_NEW = text("kind = 'new' AND state <> 'cancelled'")
ONE_LIVE_CORRECTION = text("kind = 'correction' AND state = 'held'")
UNFINISHED = text("state NOT IN ('done', 'cancelled')")
# SQLite walks a partial index only where a query says its condition in its own words.
IS_UNFINISHED = text("notification.state NOT IN ('done', 'cancelled')")
UNCLEARED = text("cleared_at IS NULL")
# Over, and its tally is not of this end: a later topic opens it again, and it ends once more.
_UNTALLIED = (
    "{0}state IN ('done', 'cancelled') AND {0}archived_at IS NULL AND ({0}tallied_end IS NULL"
    " OR {0}tallied_end <> coalesce({0}done_at, {0}stopped_at, {0}created_at))"
)
UNTALLIED = text(_UNTALLIED.format(""))
IS_UNTALLIED = text(_UNTALLIED.format("notification."))


class Notification(Base):
    """`cursor` is the last destination that was planned, `planned` the number of its deliveries.

    `revision_id`: the content that a correction tells. `breaks_at`: since when it goes to those too
    who asked for digests or for quiet hours, because two of the staff let it. `resend`: who is
    taken up again while it is planned anew; `resent_at`: when staff last asked for that.
    `attempts`: how often in a row its planning failed. `final_counts`: how many deliveries had
    which outcome, written with `archived_at` before retention drops the rows; `cleared_at`: since
    when they are gone.
    """

    __tablename__ = "notification"
    __table_args__ = (
        Index(
            "uq_notification_new_article",
            "article_id",
            unique=True,
            sqlite_where=ONE_LIVE_NEW,
            postgresql_where=ONE_LIVE_NEW,
        ),
        Index(
            "uq_notification_correction",
            "article_id",
            "revision_id",
            unique=True,
            sqlite_where=ONE_LIVE_CORRECTION,
            postgresql_where=ONE_LIVE_CORRECTION,
        ),
        Index(
            "ix_notification_unfinished",
            "state",
            "rung_at",
            sqlite_where=UNFINISHED,
            postgresql_where=UNFINISHED,
        ),
        Index(
            "ix_notification_uncleared", "id", sqlite_where=UNCLEARED, postgresql_where=UNCLEARED
        ),
        Index(
            "ix_notification_untallied", "id", sqlite_where=UNTALLIED, postgresql_where=UNTALLIED
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[NotificationKind] = mapped_column(String(16))
    state: Mapped[NotificationState] = mapped_column(String(16))
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(BigId)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    is_urgent: Mapped[bool] = mapped_column(default=False)
    release_at: Mapped[datetime]
    cursor: Mapped[int] = mapped_column(BigId, default=0)
    planned: Mapped[int] = mapped_column(BigId, default=0)
    request_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    released_at: Mapped[datetime | None]
    breaks_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]  # withdrawn or cancelled: what is unsent stays unsent
    resend: Mapped[Resend | None] = mapped_column(String(8))
    resent_at: Mapped[datetime | None]  # from then on it is news again, for as long as at first
    planned_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]
    tallied_end: Mapped[datetime | None]
    final_counts: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    rung_at: Mapped[datetime] = mapped_column(default=utcnow)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
