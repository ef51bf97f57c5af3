"""A story: linked articles that tell the same event; a person is told a story once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Story(Base):
    """`planner` holds the notification that is being planned now: a compare-and-set on it keeps
    the planning of one story in a single file (invariant 5)."""

    __tablename__ = "story"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    planner: Mapped[int | None] = mapped_column(BigId)
    planner_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class StoryLink(Base):
    """Why an article belongs to the story of an earlier one, or, once split, that it does not."""

    __tablename__ = "story_link"

    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True)
    earlier_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True, index=True)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    linked_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    kept_at: Mapped[datetime | None]  # staff say that it is right
    split_at: Mapped[datetime | None]
