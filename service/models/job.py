"""A job: long work that staff started, with its progress, its cursor and its files."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class JobState(StrEnum):
    """`queued → running → done | failed | cancelled`; a failed or cancelled one can be resumed."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED_JOB = text("state IN ('queued', 'running')")


class Job(Base):
    """`cursor` is where the next piece begins, written with the work itself: a worker that dies
    costs one piece, which nobody has seen. `due_at`: when it may be taken up, or, while it runs,
    taken over. `lease` names the one worker that runs it."""

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_unfinished",
            "due_at",
            sqlite_where=UNFINISHED_JOB,
            postgresql_where=UNFINISHED_JOB,
        ),
        Index("ix_job_staff_id", "staff_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[JobState] = mapped_column(String(16), default=JobState.QUEUED)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    cursor: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    total: Mapped[int | None] = mapped_column(BigId)
    done: Mapped[int] = mapped_column(BigId, default=0)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    error: Mapped[str] = mapped_column(String(500), default="")
    lease: Mapped[str | None] = mapped_column(String(32))
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    rung_at: Mapped[datetime] = mapped_column(default=utcnow)
    attempts: Mapped[int] = mapped_column(default=0)
    is_cancelling: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class JobFile(Base):
    """A file that a job reads or makes, sealed: it may hold addresses. Retention drops it."""

    __tablename__ = "job_file"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
