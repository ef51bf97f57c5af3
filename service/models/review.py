"""What staff decided in review: who, what, and how it was before, so that it can be undone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Decision(StrEnum):
    """`none`: about no topic at all. `release`: the text is not damaged. `same` and `split`: two
    articles tell the same event, or do not."""

    ACCEPT = "accept"
    REJECT = "reject"
    ADD = "add"
    NONE = "none"
    RELEASE = "release"
    SAME = "same"
    SPLIT = "split"


class ReviewDecision(Base):
    """One decision. `before` holds the labels that it replaced, one for each topic: its state,
    origin, score and time, the state null where there was none. `topic_id` names a topic that may
    be gone by now."""

    __tablename__ = "review_decision"
    __table_args__ = (
        Index("ix_review_decision_staff_id", "staff_id", "id"),
        Index("ix_review_decision_article_id", "article_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    topic_id: Mapped[int | None] = mapped_column(BigId)
    decision: Mapped[Decision] = mapped_column(String(8))
    before: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    undone_at: Mapped[datetime | None]
