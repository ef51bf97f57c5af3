"""Counts of readers and of bounces a day: numbers alone, nobody's name."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Figure(StrEnum):
    """What is counted of readers: of all, by what they asked for, and who came and left."""

    READERS = "readers"
    TOPIC = "topic"  # by id; 0: everything
    PLACE = "place"  # by id; 0: the whole city
    FREQUENCY = "frequency"
    KIND = "kind"
    JOINED = "joined"
    LEFT = "left"
    SILENT = "silent"  # subscriptions that can never fire: reason:topic:place


class ReaderDay(Base):
    """One figure of one day of the city, counted at its beginning; who came and left, after it."""

    __tablename__ = "reader_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    figure: Mapped[Figure] = mapped_column(String(16), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(BigId)
    counted_at: Mapped[datetime] = mapped_column(default=utcnow)


class BounceDay(Base):
    """What came back on a day, by the readers' domain; the empty one stands for all small ones."""

    __tablename__ = "bounce_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigId)
