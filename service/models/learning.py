"""What the classifier learns from, and the models that it has learned."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class ModelState(StrEnum):
    """`candidate`: trained, not better. One is `active` at most, none means terms alone."""

    CANDIDATE = "candidate"
    ACTIVE = "active"
    RETIRED = "retired"


IS_ACTIVE = text("state = 'active'")


class ModelVersion(Base):
    """One trained model: its bytes, what it learned from, how it did on news it had not seen."""

    __tablename__ = "model_version"
    __table_args__ = (
        Index(
            "uq_model_version_active",
            "state",
            unique=True,
            sqlite_where=IS_ACTIVE,
            postgresql_where=IS_ACTIVE,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    state: Mapped[ModelState] = mapped_column(String(16))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    examples: Mapped[int]
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    trained_at: Mapped[datetime] = mapped_column(default=utcnow)
    promoted_at: Mapped[datetime | None]


class Learning(Base):
    """How learning stands, in one row."""

    __tablename__ = "learning"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    begun_at: Mapped[datetime | None]  # the last training; it made a model of this date, or failed
    ended_at: Mapped[datetime | None]  # null while it runs, or where it was killed
    asked_at: Mapped[datetime | None]  # staff want one now; the next training is the answer
    is_held: Mapped[bool] = mapped_column(default=False)  # staff rolled back: they alone promote


class ArchiveText(Base):
    """An old article, imported to learn from. No notification can ever be made of it."""

    __tablename__ = "archive_text"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    body_text: Mapped[str] = mapped_column(default="")
    # Slugs, where its editors gave them.
    topics: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    published_at: Mapped[datetime | None]
    imported_at: Mapped[datetime] = mapped_column(default=utcnow)
