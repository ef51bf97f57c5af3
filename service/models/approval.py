"""An approval: one of the staff lets an urgent notification break quiet hours and digests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, utcnow


class Approval(Base):
    """Two of different people are needed; nobody approves twice."""

    __tablename__ = "approval"

    notification_id: Mapped[int] = mapped_column(ForeignKey("notification.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
