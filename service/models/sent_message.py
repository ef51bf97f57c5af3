"""Where a chat message of ours stands, so that a correction can be put in its place."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class SentMessage(Base):
    """The newest message about an article in one chat, by the number that its service gave it.

    `revision_id`: the text that it shows now. `place`: a keyed hash of the room and the account by
    which it was sent; where a channel has another of them by now, the message is out of reach.
    """

    __tablename__ = "sent_message"

    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True, index=True)
    place: Mapped[str] = mapped_column(String(64))
    message_id: Mapped[str] = mapped_column(String(300))
    revision_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
