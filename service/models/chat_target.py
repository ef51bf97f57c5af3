"""Personal chat targets: where they are, who is proving one, and how far a bot's inbox was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow


class TargetEnd(StrEnum):
    """Why nothing is sent to a target any more."""

    PERSON = "target stopped"
    CHAT = "target stopped in chat"
    GONE = "target gone"
    UNPROVED = "target unproved"


class ChatTarget(Base):
    """What a chat destination of a person is. Its address is sealed, and erased when it ends.

    `label` is what its person may see of it; of one that has ended, its provider alone.
    """

    __tablename__ = "chat_target"

    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    sealed_address: Mapped[str]
    label: Mapped[str] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ChatClaim(Base):
    """A person says that a chat is theirs; what is sent to it, or from it, proves that once.

    `label` is what the person wrote, shortened: the same whether or not the chat is somebody's.
    The code is computed from the number and the salt under our key, so no row holds it. A Telegram
    chat is not known before it writes: until then there is no destination.
    """

    __tablename__ = "chat_claim"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    destination_id: Mapped[int | None] = mapped_column(ForeignKey("destination.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(100))
    salt: Mapped[int] = mapped_column(BigInteger)
    guesses: Mapped[int] = mapped_column(SmallInteger, default=0)
    text_hash: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ChatInbox(Base):
    """How far the messages to a bot have been read."""

    __tablename__ = "chat_inbox"

    bot: Mapped[str] = mapped_column(String(32), primary_key=True)
    next_offset: Mapped[int] = mapped_column(BigInteger, default=0)
    read_at: Mapped[datetime] = mapped_column(default=utcnow)
