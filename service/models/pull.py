"""A pull: how a source's own listing is read, where it cannot push or a push was lost; and what was
found in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class PullKind(StrEnum):
    """What the listing is; `feed` is RSS or Atom, `html` a page that links to its articles."""

    FEED = "feed"
    WORDPRESS = "wordpress"
    SITEMAP = "sitemap"
    HTML = "html"


class PullState(StrEnum):
    """`asking`: so much was new at once that staff must say whether it is news."""

    ACTIVE = "active"
    ASKING = "asking"
    PAUSED = "paused"


class PullAlarm(StrEnum):
    """What staff should look at: next to nothing listed, nothing new, or no such listing at all."""

    EMPTIED = "emptied"
    QUIET = "quiet"
    UNREADABLE = "unreadable"


ACTIVE = text("state = 'active'")


class Pull(Base):
    """One listing of one source. Until `baseline_at` is set, what is found notifies nobody.

    `rules` are the source's own of `config/pull/default.toml`. `leased_until` is also the token of
    the one worker that polls: a change of settings takes it away. `found` counts new articles that
    a poll brought, `missed` those of them that a source which pushes had not pushed.
    """

    __tablename__ = "pull"
    __table_args__ = (
        Index("ix_pull_active", "due_at", sqlite_where=ACTIVE, postgresql_where=ACTIVE),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    kind: Mapped[PullKind] = mapped_column(String(16))
    url: Mapped[str]
    rules: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[PullState] = mapped_column(String(16), default=PullState.ACTIVE)
    reason: Mapped[str] = mapped_column(default="")  # why it does not run, or what went wrong
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    leased_until: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    baseline_at: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    etag: Mapped[str] = mapped_column(default="")
    last_modified: Mapped[str] = mapped_column(default="")
    modified_after: Mapped[datetime | None]  # of the newest item seen, for APIs that can filter
    failures: Mapped[int] = mapped_column(default=0)
    last_count: Mapped[int] = mapped_column(default=0)  # items of the last listing that had any
    fresh_at: Mapped[datetime | None]  # when it last listed something new
    alarm: Mapped[PullAlarm | None] = mapped_column(String(16))
    alarm_at: Mapped[datetime | None]
    alarm_text: Mapped[str | None]
    found: Mapped[int] = mapped_column(BigId, default=0)
    missed: Mapped[int] = mapped_column(BigId, default=0)


class PullItem(Base):
    """One article of a listing, remembered so that it is read once, and told once.

    `is_news`: false, nobody is told of it; null, staff have not decided. `version` is what the
    listing said of it when it was read; `read_at` null: it never was.
    """

    __tablename__ = "pull_item"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(500), primary_key=True)
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"), index=True)
    is_news: Mapped[bool | None]
    version: Mapped[str] = mapped_column(String(64), default="")
    read_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)
