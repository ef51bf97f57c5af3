"""The consent ledger: append-only proof of who asked for what, by keyed hash of the address."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class ConsentAct(StrEnum):
    ASKED = "asked"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    WITHDRAWN = "withdrawn"


class Consent(Base):
    """One act. No IP address, no address: the hash proves it when the person names theirs.

    `text_hash` is of the sentence agreed to, `notice_version` the privacy notice that was linked
    beside it; both are in `notice_text`. `channel` is what it is about: `email`, or a kind of chat.
    `how`: the way in which a consent was withdrawn or given back.
    """

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(64), index=True)
    act: Mapped[ConsentAct] = mapped_column(String(16))
    text_hash: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str] = mapped_column(String(8))
    origin: Mapped[str]
    choices: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    channel: Mapped[str] = mapped_column(String(32), default="email")
    how: Mapped[str] = mapped_column(String(32), default="")
    notice_version: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(default=utcnow)
