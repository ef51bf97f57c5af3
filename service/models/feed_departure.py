"""What was withdrawn from which list: feeds say so for a while (RFC 6721)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId


class FeedDeparture(Base):
    """One list that a withdrawn article was in when it was withdrawn; gone when it comes back."""

    __tablename__ = "feed_departure"

    topic_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    place_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True, index=True)
    seq: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(index=True)
