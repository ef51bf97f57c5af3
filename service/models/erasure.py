"""Erasures: which addresses, by keyed hash, must stay gone when a backup is restored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, utcnow


class Erasure(Base):
    """The newest erasure of an address. Kept for as long as backups are (`TELLAL_BACKUP_DAYS`)."""

    __tablename__ = "erasure"

    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
