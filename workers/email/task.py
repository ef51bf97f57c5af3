"""Sends a batch of email."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache, partial

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.lanes import postpone_ready
from service.ledger.lease import Lease, Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.messages.digest import DigestEdition
from service.messages.edition import Edition
from service.messages.email import Letterhead, Reader
from service.messages.letter import Letter, LetterError
from service.messages.publishing import complain, paper_in_use
from service.messages.story import Name, Story, tell, tell_all
from service.models import (
    Article,
    Batch,
    DeliveryState,
    Frequency,
    Notification,
    NotificationKind,
    Place,
    Topic,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.trial import TEMPLATE as TRIAL
from service.tasks import Queue, Task
from workers.courier import Courier
from workers.deliver import deliver_batch
from workers.email.dkim import Signer
from workers.email.link import Envelope, UnsafeAddressError
from workers.email.mailbox import keep
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays
from workers.email.source import WithheldError
from workers.email.throttle import Throttle
from workers.one_by_one import OneByOne
from workers.parcel import NotNowError, NotToBeSentError, Parcel
from workers.turnstile import Entry, Turnstile

log = get_logger(__name__)

TOLD_FOR_S = 1.0  # a new revision counts at once; that a label or a name changed, so much later
BUSY = timedelta(seconds=5)  # until somebody looks again whether a lane has a thread free
TURNSTILE = Turnstile()


class EmailSender(OneByOne):
    """Renders the newest revision for each reader, and hands it to the relay; without one, to the
    built-in mailbox, one by one."""

    def __init__(self, runtime: Runtime, lease: Lease, throttle: Throttle | None = None) -> None:
        self._runtime, self._lease, self._throttle = runtime, lease, throttle
        self._house: Letterhead | None = None
        self._signer = Signer.of(runtime.settings)
        self._edition: Edition | None = None
        self._digest: DigestEdition | None = None
        self._notification: Notification | None = None
        self._template = ""
        self._told_at = -math.inf

    def prepare(self, session: Session) -> int | None:
        if self._house is None:  # once a batch: what is published meanwhile counts for the next
            held = self._runtime
            self._house = Letterhead(
                held.settings, held.vault, paper_in_use(session, held.settings)
            )
        if self._edition is not None and time.monotonic() - self._told_at < TOLD_FOR_S:
            story = self._edition.story
            shown = select(Article.shown_revision_id).where(Article.id == story.article_id)
            if session.scalar(shown) == story.revision_id:
                return story.revision_id
        self._told_at = time.monotonic()
        notification = session.get_one(Notification, self._lease.notification_id)
        self._notification = notification
        if notification.kind in (NotificationKind.DIGEST, NotificationKind.SUMMARY):
            self._digest = self._digest or self._new_digest(session, notification)
            return None
        if notification.article_id is None:
            self._template = str(notification.payload.get("template"))
            return None
        story = tell(session, notification)
        if self._edition is None or self._edition.story != story:
            places = _places(session)
            at = notification.released_at or utcnow()
            self._edition = Edition(self._letterhead, story, notification.id, places, at)
        return story.revision_id

    def send_all(self, courier: Courier) -> None:
        relays = relays_of(self._runtime.settings)
        if relays is None or self._throttle is None:
            super().send_all(courier)
            return
        self._throttle.begin()
        try:
            Pipeline(relays, self._throttle).run(_Outbox(courier, self, self._throttle))
        finally:
            with suppress(SQLAlchemyError):  # the answers count more than what they teach
                self._throttle.keep()

    def send(self, row: Row, on_wire: Callable[[], None]) -> Outcome:
        """Into the built-in mailbox."""
        try:
            letter = self.letter(row)
            raw = self.written(letter)
        except LetterError as error:
            return unwritable(error)
        on_wire()
        return keep(self._runtime.db, letter, raw)

    def letter(self, row: Row) -> Letter:
        """The letter for one reader.

        Raises:
            LetterError: it cannot be written to this address.
        """
        reader, notification = Reader.from_row(row), self._notification
        if self._digest is not None:
            # Its way out is out of all of this frequency (design, section 5).
            return self._digest.letter(replace(reader, subscription_id=0), row["letter"])
        if self._edition is not None:
            return self._edition.letter(reader)
        assert notification is not None, "prepare() comes first"
        at = notification.released_at or utcnow()
        return self._letterhead.service(reader, notification.id, notification.payload, at)

    def written(self, letter: Letter) -> bytes:
        """Its bytes, signed where this installation signs."""
        if self._signer is None:
            return letter.as_bytes()
        return self._signer.sign_letter(letter, int(time.time()))

    def _new_digest(self, session: Session, notification: Notification) -> DigestEdition:
        topics = session.scalars(select(Topic).order_by(Topic.position, Topic.id))
        return DigestEdition(
            self._letterhead,
            notification.id,
            Frequency(notification.payload["frequency"]),
            notification.released_at or utcnow(),
            {one.id: Name(one.id, one.slug, one.name_tr, one.name_en) for one in topics},
            _places(session),
            self._stories,
        )

    def _stories(self, revision_ids: Sequence[int]) -> Sequence[Story]:
        with self._runtime.db.read() as session:
            return tell_all(session, revision_ids)

    @property
    def _letterhead(self) -> Letterhead:
        assert self._house is not None, "prepare() comes first"
        return self._house

    @property
    def is_trial(self) -> bool:
        """Staff who test mail want to read the answer."""
        return self._template == TRIAL

    def close(self) -> None:
        """Links are left for the next batch. Staff hear of a template that broke."""
        if self._house is not None:
            with suppress(SQLAlchemyError):
                complain(self._runtime.db, self._house.paper, utcnow())


class _Outbox:
    """What a courier has, as envelopes."""

    def __init__(self, courier: Courier, sender: EmailSender, throttle: Throttle) -> None:
        self._courier, self._sender, self._throttle = courier, sender, throttle

    def take(self) -> Envelope | None:
        while (parcel := self._courier.take()) is not None:
            if closed := self._throttle.closed_for(parcel.row["address"]):
                self._courier.answer(parcel, closed)
                continue
            try:
                letter = self._sender.letter(parcel.row)
                return Envelope(
                    parcel,
                    letter.envelope_sender,
                    letter.recipient,
                    partial(self._write, parcel, letter),
                )
            except Exception as error:
                self._courier.answer(parcel, _broken(parcel, error))
        return None

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        assert isinstance(envelope.key, Parcel)
        if outcome.state == DeliveryState.SENT and not self._sender.is_trial:
            outcome = Outcome(DeliveryState.SENT, outcome.code)  # a plain yes is not worth a row
        self._courier.answer(envelope.key, outcome)

    def _write(self, parcel: Parcel, letter: Letter) -> bytes:
        """The letter, looked at for the last time right before it leaves."""
        try:
            raw = self._sender.written(letter)
        except Exception as error:
            self._courier.answer(parcel, _broken(parcel, error))
            raise WithheldError from error
        try:
            parcel.on_wire()
        except NotToBeSentError as error:
            self._courier.answer(parcel, error.outcome)
            raise WithheldError from error
        except NotNowError as error:
            self._courier.put_back(parcel)
            raise WithheldError from error
        return raw


def _places(session: Session) -> dict[int, Name]:
    return {
        place.id: Name(place.id, place.slug, place.name, place.name)
        for place in session.scalars(select(Place))
    }


def _broken(parcel: Parcel, error: Exception) -> Outcome:
    """A letter that cannot be made is this reader's loss and nobody else's."""
    if isinstance(error, LetterError | UnsafeAddressError):
        return unwritable(error)
    log.error("letter broke", destination_id=parcel.destination_id, exc_info=error)
    return Outcome(DeliveryState.DEFERRED, "internal", type(error).__name__)


def unwritable(error: Exception) -> Outcome:
    return Outcome(DeliveryState.REJECTED, "letter", str(error))


def relays_of(settings: Settings) -> Relays | None:
    """The relays of this process; None where mail stays in the built-in mailbox."""
    shared, last = settings.relay_urls, settings.smtp_fallback_url.get_secret_value()
    if not (shared or last):
        return None
    return _relays(shared, last, settings.mail_domain, settings.smtp_ca)


@lru_cache(maxsize=4)
def _relays(shared: tuple[str, ...], last: str, hello: str, authorities: str) -> Relays:
    """One for all batches of the process, which leave their links to each other."""
    relays = [Relay.of(url, hello, authorities) for url in shared]
    return Relays(relays, Relay.of(last, hello, authorities) if last else None)


def send_email_batch(runtime: Runtime, batch_id: int) -> None:
    """Send every letter of a batch that is due; leave it for later where its lane is closed, or
    until another batch is done where as many of this worker's threads are at its lane as may be."""
    if relays_of(runtime.settings) is None:
        deliver_batch(runtime, batch_id, EmailSender)
        return
    with runtime.db.read() as session:
        batch = session.get(Batch, batch_id)
    if batch is None:
        return
    throttle = Throttle(runtime, batch.lane, batch.queue)
    open_sender = partial(EmailSender, throttle=throttle)
    if batch.queue == Queue.TRANSACTIONAL:
        deliver_batch(runtime, batch_id, open_sender)
        return
    wait_until = throttle.wait_until()
    ring = partial(runtime.doorbell.ring, Task.EMAIL_BATCH, batch_id, Queue(batch.queue))
    with TURNSTILE.passed(batch.lane, batch_id, ring) as entry:
        if wait_until is None and entry is Entry.THROUGH:
            deliver_batch(runtime, batch_id, open_sender)
            return
    if wait_until is not None or entry is Entry.LATER:
        with runtime.db.write() as session:
            postpone_ready(session, batch_id, wait_until or utcnow() + BUSY)
