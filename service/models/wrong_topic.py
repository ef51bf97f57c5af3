"""What readers say of an article's topics: counts alone, nothing about who said it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, utcnow


class WrongTopicKind(StrEnum):
    """The article has the topic and is not about it, or is about it and has it not."""

    WRONG = "wrong"
    MISSING = "missing"


# Of three readers: one may be mistaken, or mean harm, and their word alone shows nothing.
DOUBTED = text("wrong_topic.count >= 3")


class WrongTopic(Base):
    """How many readers said so of one text of an article. It changes no label: staff decide."""

    __tablename__ = "wrong_topic"
    __table_args__ = (
        Index(
            "ix_wrong_topic_doubted",
            "revision_id",
            sqlite_where=DOUBTED,
            postgresql_where=DOUBTED,
        ),
    )

    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id"), primary_key=True)
    kind: Mapped[WrongTopicKind] = mapped_column(String(8), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=utcnow)
