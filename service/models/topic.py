"""Topics, and the labels that say which revision is about which topic."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class LabelState(StrEnum):
    PUBLISHED = "published"
    REVIEW = "review"
    DROPPED = "dropped"


class LabelOrigin(StrEnum):
    """Who decided: a label of the staff is never overwritten by the classifier."""

    CLASSIFIER = "classifier"
    SOURCE = "source"
    STAFF = "staff"


class Topic(Base):
    """What an article can be about. Loaded from config/topics.yaml once, then owned by staff."""

    __tablename__ = "topic"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name_tr: Mapped[str]
    name_en: Mapped[str]
    description_tr: Mapped[str] = mapped_column(default="")
    description_en: Mapped[str] = mapped_column(default="")
    terms: Mapped[list[str]] = mapped_column(JSON, default=list)
    # Sections of the CMS that stand for it; thresholds of its own, null for the general ones.
    sections: Mapped[list[str]] = mapped_column(JSON, default=list)
    publish: Mapped[float | None]
    review: Mapped[float | None]
    position: Mapped[int] = mapped_column(default=0)
    # Who decided about an article before said nothing about it; null: there from the beginning.
    created_at: Mapped[datetime | None] = mapped_column(default=utcnow)

    def name(self, language: str) -> str:
        """The name in Turkish, and for readers of any other language in English."""
        return self.name_tr if language == "tr" else self.name_en

    def description(self, language: str) -> str:
        """The sentence below the name, in the same language; it may be empty."""
        return self.description_tr if language == "tr" else self.description_en


IN_REVIEW = text("state = 'review'")
OF_STAFF = text("origin = 'staff'")


class TopicLabel(Base):
    """A revision's topic, with the score and the evidence for it."""

    __tablename__ = "topic_label"
    __table_args__ = (
        Index("ix_topic_label_topic_id_revision_id", "topic_id", "revision_id"),
        Index(
            "ix_topic_label_review",
            "revision_id",
            sqlite_where=IN_REVIEW,
            postgresql_where=IN_REVIEW,
        ),
        Index(
            "ix_topic_label_of_staff",
            "revision_id",
            sqlite_where=OF_STAFF,
            postgresql_where=OF_STAFF,
        ),
    )

    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id"), primary_key=True)
    state: Mapped[LabelState] = mapped_column(String(16))
    origin: Mapped[LabelOrigin] = mapped_column(String(16))
    score: Mapped[float]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    decided_at: Mapped[datetime] = mapped_column(default=utcnow)
