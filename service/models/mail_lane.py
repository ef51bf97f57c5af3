"""A mail lane as we know it: how many links it bears, whether it is closed, what it took today."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class MailLane(Base):
    """A provider's lane, or one domain of the lane `other` that was closed by itself.

    `sent` and `deferred` are of `day`, `sent_before` of the day before; `cap` is how many letters
    it may get that day while a new sending address is warmed up.
    """

    __tablename__ = "mail_lane"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    links: Mapped[int] = mapped_column(SmallInteger)
    closed_until: Mapped[datetime | None]
    closures: Mapped[int] = mapped_column(SmallInteger, default=0)  # in a row
    reason: Mapped[str] = mapped_column(String(300), default="")
    day: Mapped[date | None] = mapped_column(Date)
    sent: Mapped[int] = mapped_column(default=0)
    sent_before: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    cap: Mapped[int | None]
