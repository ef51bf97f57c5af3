"""The last change of each list of articles: what tells whether a feed has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId


class FeedStamp(Base):
    """`seq` of the feed clock and the time of the last change of one list (`Listing`).

    A change stamps every list that its article is in or was in, so the highest stamp of the lists
    that a feed joins changes whenever the feed may, and for nothing else.
    """

    __tablename__ = "feed_stamp"

    topic_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    place_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime]
