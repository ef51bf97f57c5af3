"""Templates of letters that staff published, in versions, and the drafts that they work on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class TemplateVersion(Base):
    """One version of a file such as `article.html`; versions of a name count from 1, and the newest
    is in use. Append-only. `text` is null where staff went back to the file of the installation."""

    __tablename__ = "template_version"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    text: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(String(200))
    published_at: Mapped[datetime] = mapped_column(default=utcnow)
    published_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))


class TemplateDraft(Base):
    """What somebody has written and not published: one for each person and file. `base`: the
    version it was begun from, 0 for the file."""

    __tablename__ = "template_draft"
    __table_args__ = (UniqueConstraint("name", "staff_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    base: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utcnow)
