"""A story: linked articles that tell the same event; a person is told a story once."""

from __future__ import annotations

from datetime import datetime

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
