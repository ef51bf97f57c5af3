"""What a closed month of the feeds holds: membership, frozen when it was closed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId


class ArchivedEntry(Base):
    """One article in one list of one month, in the revision that was shown when it was closed.

    A copy of `Listing`, so that a month of any combination is a range of the primary key. An
    article that changed after its month was closed stands in a later month too.
    """

    __tablename__ = "archived_entry"

    topic_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    place_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    month: Mapped[int] = mapped_column(
        ForeignKey("archive_month.number"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    updated_at: Mapped[datetime]
