"""The built-in mailbox as a transport: a fresh checkout can never mail a real person."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update

from service.db import Database, rows
from service.ledger.outcome import SENT, Outcome
from service.messages.letter import Letter
from service.models import MailboxMessage


class MailboxTransport:
    """Stores each letter. One that comes again under its Message-ID is counted, not stored."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def send(self, letter: Letter, raw: bytes, on_wire: Callable[[], None]) -> Outcome:
        on_wire()
        with self._db.write() as session:
            is_copy = rows(
                session,
                update(MailboxMessage)
                .where(MailboxMessage.message_id == letter.message_id)
                .values(copies=MailboxMessage.copies + 1),
            )
            if not is_copy:
                session.add(
                    MailboxMessage(
                        message_id=letter.message_id,
                        recipient=letter.recipient,
                        subject=letter.subject,
                        raw=raw,
                    )
                )
        return SENT

    def close(self) -> None:
        """Nothing to hang up."""
