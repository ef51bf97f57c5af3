"""Sends a batch of email."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.lease import Lease
from service.ledger.outcome import Outcome
from service.messages.email import Letterhead, Reader
from service.messages.letter import Letter, LetterError
from service.messages.story import Name, Story, tell
from service.models import DeliveryState, Notification, Place
from service.runtime import Runtime
from workers.deliver import deliver_batch
from workers.email.dkim import Signer
from workers.email.mailbox import MailboxTransport
from workers.email.smtp import SmtpTransport


class Transport(Protocol):
    """Takes one letter at a time: its envelope, and the bytes that go into it."""

    def send(self, letter: Letter, raw: bytes, on_wire: Callable[[], None]) -> Outcome: ...

    def close(self) -> None: ...


class EmailSender:
    """Renders the newest revision for each reader and hands it to a transport."""

    def __init__(self, runtime: Runtime, lease: Lease) -> None:
        self._lease = lease
        self._letterhead = Letterhead(runtime.settings, runtime.vault)
        self._signer = Signer.of(runtime.settings)
        smtp_url = runtime.settings.smtp_url.get_secret_value()
        self._transport: Transport = (
            SmtpTransport(smtp_url) if smtp_url else MailboxTransport(runtime.db)
        )
        self._story: Story | None = None
        self._notification: Notification | None = None
        self._places: dict[int, Name] = {}

    def prepare(self, session: Session) -> int | None:
        self._notification = session.get_one(Notification, self._lease.notification_id)
        if self._notification.article_id is None:
            return None
        self._story = tell(session, self._notification)
        self._places = {
            place.id: Name(place.id, place.slug, place.name, place.name)
            for place in session.scalars(select(Place))
        }
        return self._story.revision_id

    def send(self, row: RowMapping, on_wire: Callable[[], None]) -> Outcome:
        assert self._notification is not None, "prepare() comes first"
        reader = Reader.from_row(row)
        at = self._notification.released_at or utcnow()
        if self._story is None:
            letter = self._letterhead.service(
                reader, self._notification.id, self._notification.payload, at
            )
        else:
            letter = self._letterhead.about(
                self._story, reader, self._notification.id, self._places, at
            )
        try:
            raw = letter.as_bytes()
        except LetterError as error:
            return Outcome(DeliveryState.REJECTED, "letter", str(error))
        if self._signer is not None:
            raw = self._signer.sign(raw, int(time.time()))
        return self._transport.send(letter, raw, on_wire)

    def close(self) -> None:
        self._transport.close()


def send_email_batch(runtime: Runtime, batch_id: int) -> None:
    """Send every letter of a batch that is due."""
    deliver_batch(runtime, batch_id, EmailSender)
