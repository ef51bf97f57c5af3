"""The built-in mailbox in place of a relay: a fresh checkout can never mail a real person."""

from __future__ import annotations

from sqlalchemy import update

from service.db import Database, rows
from service.ledger.outcome import SENT, Outcome
from service.messages.letter import Letter
from service.models import MailboxMessage


def keep(db: Database, letter: Letter, raw: bytes) -> Outcome:
    """Store a letter. One that comes again under its Message-ID is counted, not stored."""
    with db.write() as session:
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
