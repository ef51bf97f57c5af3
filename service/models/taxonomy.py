"""Versions of the topics and of the districts, and drafts that wait to be published."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Taxonomy(StrEnum):
    """What a version is of: all topics, or all districts."""

    TOPICS = "topics"
    PLACES = "places"


class TaxonomyVersion(Base):
    """All topics, or all districts, as they were from one moment on; it never changes.

    `number` counts from 1 in each kind. `changes` names what differs from the version before.
    Who published it is null where the system did: the state before the first change.
    """

    __tablename__ = "taxonomy_version"
    __table_args__ = (UniqueConstraint("kind", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[Taxonomy] = mapped_column(String(8))
    number: Mapped[int]
    content: Mapped[list[dict[str, Any]]] = mapped_column(JSON, deferred=True)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    reason: Mapped[str] = mapped_column(String(500), default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    published_at: Mapped[datetime] = mapped_column(default=utcnow)


OPEN_DRAFT = text("published_as IS NULL AND discarded_at IS NULL")


class TopicDraft(Base):
    """A list of all topics that somebody would publish, with the job that says what it would do.

    Publishing takes exactly this list, and only while `base` is still the newest version.
    """

    __tablename__ = "topic_draft"
    __table_args__ = (
        Index("ix_topic_draft_open", "id", sqlite_where=OPEN_DRAFT, postgresql_where=OPEN_DRAFT),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    base: Mapped[int]
    content: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    published_as: Mapped[int | None]
    discarded_at: Mapped[datetime | None]
