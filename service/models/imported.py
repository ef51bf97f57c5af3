"""An import of subscribers: where list and consent come from, and what exactly it added."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class ImportRun(Base):
    """One list. Each of its jobs is started once: who sets the column first has started it.

    `evidence` says where the proof of the consents is kept; empty: nobody is subscribed before they
    have confirmed by a letter. `report` is what the check found, `result` what was stored, `undone`
    what was taken back; none holds an address. The list itself is a sealed file of the check.
    """

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    origin: Mapped[str] = mapped_column(String(200))
    evidence: Mapped[str] = mapped_column(String(500), default="")
    check_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    store_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    undo_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    undone: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    dropped_at: Mapped[datetime | None]


class Before(StrEnum):
    """What an address was before the import came to it."""

    NEW = "new"  # nobody
    UNVERIFIED = "unverified"  # somebody who had asked and not confirmed
    KNOWN = "known"


class ImportEntry(Base):
    """What a piece of an import added to one address: an undo takes back this and nothing else."""

    __tablename__ = "import_entry"

    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    destination_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    piece: Mapped[int] = mapped_column(BigId, primary_key=True)  # the row after which it begins
    before: Mapped[Before] = mapped_column(String(16))
    subscriptions: Mapped[list[int]] = mapped_column(JSON, default=list)
    # The link that waits for an answer, and the letter that carries it.
    token_id: Mapped[int | None] = mapped_column(BigId)
    letter_id: Mapped[int | None] = mapped_column(BigId)
