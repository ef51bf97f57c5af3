"""What is left of old deliveries: how many of a day had which outcome."""

from __future__ import annotations

from datetime import date

from sqlalchemy import SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId
from service.models.delivery import DeliveryState
from service.models.notification import NotificationKind


class DeliveryDay(Base):
    """The deliveries of all archived notifications that were released on a day of the city.

    The kind and lane are the destination's, empty where it was erased before. Not the topics: an
    article has several, and its deliveries would count once for each.
    """

    __tablename__ = "delivery_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[NotificationKind] = mapped_column(String(16), primary_key=True)
    destination_kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    lane: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[DeliveryState] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False
    )
    count: Mapped[int] = mapped_column(BigId)
