"""Articles and their revisions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.db import Base, BigId, utcnow


class ArticleState(StrEnum):
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class RevisionState(StrEnum):
    """`quarantined`: the text arrived damaged, or could not be classified; staff look at it and
    nobody is told."""

    RECEIVED = "received"
    CLASSIFIED = "classified"
    QUARANTINED = "quarantined"


URGENT = text("is_urgent")
WITHDRAWN = text("state = 'withdrawn'")


class Article(Base):
    """One story of one source. `feed_seq` orders the feeds; null: not in any feed.

    `withheld_state`: staff withdrew it, and so it stays, whatever its CMS sends; the state is what
    its CMS last said. Null where staff did not, or have published it again.
    """

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id"),
        Index(
            "ix_article_public",
            "published_at",
            sqlite_where=text("state = 'published'"),
            postgresql_where=text("state = 'published'"),
        ),
        # What staff filter their list by, newest first.
        Index("ix_article_source_id_id", "source_id", "id"),
        Index("ix_article_urgent", "id", sqlite_where=URGENT, postgresql_where=URGENT),
        Index("ix_article_withdrawn", "id", sqlite_where=WITHDRAWN, postgresql_where=WITHDRAWN),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    external_id: Mapped[str] = mapped_column(String(200))
    state: Mapped[ArticleState] = mapped_column(String(16))
    story_id: Mapped[int | None] = mapped_column(ForeignKey("story.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(BigId)  # the newest content
    # The newest content that was classified: what is matched, sent and shown in feeds.
    shown_revision_id: Mapped[int | None] = mapped_column(BigId)
    is_urgent: Mapped[bool] = mapped_column(default=False)
    is_commercial: Mapped[bool] = mapped_column(default=False)
    published_at: Mapped[datetime | None]
    source_updated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    # When what it says came in: with an event, a poll, or an answer of its CMS. Null: at the first.
    heard_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withheld_state: Mapped[ArticleState | None] = mapped_column(String(16))
    missing_at: Mapped[datetime | None]  # when its page answered 404 for the first time
    feed_seq: Mapped[int | None] = mapped_column(BigId, index=True)
    feed_at: Mapped[datetime | None]
    # What the feeds showed last, and when it took the place of another text or came back: their
    # `updated` may never go back, not even with an earlier revision.
    feed_revision_id: Mapped[int | None] = mapped_column(BigId)
    feed_updated_at: Mapped[datetime | None]


class ArticleAlias(Base):
    """Another name of an article: a WordPress post has an id, a guid and a permalink.

    Long values are hashed: an index of PostgreSQL holds some 2,700 bytes.
    """

    __tablename__ = "article_alias"
    __table_args__ = (UniqueConstraint("source_id", "kind", "value"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    kind: Mapped[str] = mapped_column(String(8))  # id, guid or url
    value: Mapped[str] = mapped_column(String(500))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)


class Revision(Base):
    """One version of an article's content; the same content is never stored twice.

    `created_at`: when it came in; of a text that came back, or was published again, the last time.
    `is_sound`: staff let it out of quarantine, so it is not looked at for damage again.
    `attempts`, `failure`: how often its classification had to be begun again, and the last error's
    type, if an error and not a death ended it (see `service.ledger.attempts`).
    """

    __tablename__ = "revision"
    __table_args__ = (
        UniqueConstraint("article_id", "content_hash"),
        Index(
            "ix_revision_waiting",
            "rung_at",
            sqlite_where=text("state = 'received'"),
            postgresql_where=text("state = 'received'"),
        ),
        Index(
            "ix_revision_quarantined",
            "article_id",
            sqlite_where=text("state = 'quarantined'"),
            postgresql_where=text("state = 'quarantined'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[RevisionState] = mapped_column(String(16), default=RevisionState.RECEIVED)
    url: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    body_html: Mapped[str]
    body_text: Mapped[str]
    language: Mapped[str] = mapped_column(String(16), default="tr")
    sections: Mapped[list[str]] = mapped_column(JSON, default=list)
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    places: Mapped[list[str]] = mapped_column(JSON, default=list)
    image: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    is_sound: Mapped[bool] = mapped_column(default=False)
    classifier: Mapped[str] = mapped_column(String(64), default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    classified_at: Mapped[datetime | None]
    rung_at: Mapped[datetime] = mapped_column(default=utcnow)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    failure: Mapped[str | None] = mapped_column(String(64))

    article: Mapped[Article] = relationship()
