"""The archive that people read: where each public article stands in its lists."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId

ANY = 0  # in place of a topic or a place: whatever it is
CITY = -1  # in place of a place: what concerns the whole city, and so every place of it


class Listing(Base):
    """One article in one list: of a topic or any, and of a place, of the whole city, or any.

    An article of two topics and one place stands in six lists, so that each page of each
    combination is one range of the primary key; whoever reads a place reads `CITY` with it.
    `position` says when it was published, and is unique to the article (see
    `service.archive.position`); the words to search for are in `listing_words`, a full-text table
    that each database makes in its own way. `seq` is the article's last number of the feed clock,
    so that feeds find what changed last in a list however old it is.
    """

    __tablename__ = "listing"
    __table_args__ = (Index("ix_listing_topic_id_place_id_seq", "topic_id", "place_id", "seq"),)

    topic_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    place_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    seq: Mapped[int] = mapped_column(BigId, default=0)
