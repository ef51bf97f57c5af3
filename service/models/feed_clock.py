"""The feed clock: one rising number that orders every change that readers of feeds may see."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId


class FeedClock(Base):
    """A single row. A publishing transaction moves it at its end and keeps it locked until the
    commit, so that sequence numbers become visible in their order (invariant 16); what follows
    there are stamps with that number."""

    __tablename__ = "feed_clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, default=0)
