"""The log of acts: who of the staff did what, append-only, each entry chained to the one before."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class Via(StrEnum):
    """The door by which somebody acted."""

    PAGE = "page"
    API = "api"
    CLI = "cli"


class AuditEntry(Base):
    """One act. The detail names ids and settings, never a secret or a full address.

    `number` counts without gaps and `mac` is that of the entry and of all before it
    (`service.acts`). `subject` is the keyed hash of the address that it is about; it alone may
    change, to nothing, when that person's data are erased, so it is not part of the chain.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_act_id", "act", "id"),
        Index("ix_audit_act_object_id", "act", "object_id"),
        Index("ix_audit_staff_id", "staff_id", "id"),
        Index("ix_audit_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int | None] = mapped_column(BigId, unique=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    via: Mapped[Via] = mapped_column(String(8), default=Via.PAGE)
    act: Mapped[str] = mapped_column(String(64))
    object_id: Mapped[int | None] = mapped_column(BigId)
    subject: Mapped[str] = mapped_column(String(64), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    request_id: Mapped[str] = mapped_column(String(64), default="")
    at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    mac: Mapped[str] = mapped_column(String(64), default="")


class AuditHead(Base):
    """The end of the chain, in one row: whoever acts holds it until the commit."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(BigId, default=0)
    mac: Mapped[str] = mapped_column(String(64), default="")
