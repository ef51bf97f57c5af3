"""The built-in mailbox: where mail ends while no SMTP host is configured (invariant 17)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class MailboxMessage(Base):
    """One mail, whole. The same Message-ID never arrives twice, as in a good mailbox."""

    __tablename__ = "mailbox_message"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    copies: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime] = mapped_column(default=utcnow)
