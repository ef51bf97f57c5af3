"""Delivering a batch: claim it, send its deliveries one after the other, settle as it goes.

The same loop serves every kind of destination; a `Sender` knows its own protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from sqlalchemy import RowMapping
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.attempts import forgive_claim
from service.ledger.claim import claim
from service.ledger.hold import hold, is_held
from service.ledger.journal import Journal
from service.ledger.lease import (
    SLICE,
    Lease,
    LeaseLost,
    finish,
    pending,
    postpone,
)
from service.ledger.outcome import Outcome
from service.ledger.settle import settle
from service.logs import bind, get_logger
from service.models import DeliveryState
from service.runtime import Runtime

log = get_logger(__name__)

FRESH_S = 0.25  # eligibility is never older than this when an envelope starts (invariant 8)

BROKE_ON_THE_WIRE = Outcome(DeliveryState.UNKNOWN, detail="an error came before the answer")
CANCELLED = Outcome(DeliveryState.CANCELLED)
SUPPRESSED = Outcome(DeliveryState.SUPPRESSED)
EXPIRED = Outcome(DeliveryState.REJECTED, "expired", "a day after its release it was no news")


class PeerAwayError(Exception):
    """The other side takes nothing at all now; the batch waits and no delivery is touched."""

    def __init__(self, detail: str, retry_after_s: float = 30.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotToBeSentError(Exception):
    """Raised by `on_wire`: the delivery is no longer wanted, so no byte of it may leave."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state.word)
        self.outcome = outcome


class NotNowError(Exception):
    """Raised by `on_wire`: staff paused it a moment ago; no byte leaves, nothing is decided."""


class Sender(Protocol):
    """Speaks one protocol for the length of a batch."""

    def prepare(self, session: Session) -> int | None:
        """Read what the next slice needs; return the revision that it will send, if any."""

    def send(self, row: RowMapping, on_wire: Callable[[], None]) -> Outcome:
        """Send one delivery; call `on_wire` right before its first byte leaves, and let what
        it raises pass.

        Raises:
            PeerAwayError: nothing was sent, and nothing else could be now.
        """

    def close(self) -> None:
        """Hang up."""


def deliver_batch(
    runtime: Runtime, batch_id: int, open_sender: Callable[[Runtime, Lease], Sender]
) -> None:
    """Deliver a batch; leave it alone where it is done, not due, or somebody else's."""
    journals = runtime.settings.var_dir / "journal"
    with runtime.db.write() as session:
        lease = claim(session, batch_id, utcnow(), journals)
    if lease is None:
        return
    bind(batch_id=batch_id, notification_id=lease.notification_id, request_id=lease.request_id)
    sender = open_sender(runtime, lease)
    try:
        journal = Journal(journals, lease.token, batch_id)
        try:
            _deliver(runtime, lease, journal, sender)
        finally:
            journal.abandon()  # unless it was closed: then there is nothing left to abandon
    finally:
        sender.close()


def _deliver(runtime: Runtime, lease: Lease, journal: Journal, sender: Sender) -> None:
    try:
        _run(runtime, lease, journal, sender)
    except LeaseLost:
        log.warning("lease lost", batch_id=lease.batch_id)
    except (OperationalError, InterfaceError):
        with suppress(SQLAlchemyError), runtime.db.write() as session:
            forgive_claim(session, lease)  # if the database is back already
        raise
    except PeerAwayError as error:
        log.warning(
            "peer away",
            batch_id=lease.batch_id,
            lane=str(lease.kind),
            detail=str(error),
            next_attempt_s=error.retry_after_s,
        )
        with runtime.db.write() as session:
            wait = timedelta(seconds=error.retry_after_s)
            postpone(session, lease, utcnow() + wait)
        journal.close()
    else:
        journal.close()


def _run(runtime: Runtime, lease: Lease, journal: Journal, sender: Sender) -> None:
    after, sent = 0, 0
    while True:
        read_at = time.monotonic()
        with runtime.db.read() as session:
            slice_ = pending(session, lease, after, SLICE)
            is_halted = any(map(is_held, slice_))
            revision_id = sender.prepare(session) if slice_ and not is_halted else None
        if not slice_:
            break
        if is_halted:
            if _hold(runtime, lease):
                return
            continue
        journal.begin_slice(revision_id)
        outcomes: dict[int, Outcome] = {}
        away: PeerAwayError | None = None
        try:
            _send_slice(runtime, lease, journal, sender, slice_, read_at, outcomes)
        except PeerAwayError as error:
            away = error
        with runtime.db.write() as session:
            settle(session, lease, outcomes, utcnow(), revision_id)
        journal.settled()
        if away is not None:
            raise away
        after = max(outcomes, default=after)
        sent += len(outcomes)
    with runtime.db.write() as session:
        finish(session, lease, utcnow())
    log.info(
        "batch done",
        batch_id=lease.batch_id,
        notification_id=lease.notification_id,
        request_id=lease.request_id,
        deliveries=sent,
    )


def _hold(runtime: Runtime, lease: Lease) -> bool:
    """Leave what is paused for later; True where nothing else is left in the batch."""
    with runtime.db.write() as session:
        is_all = hold(session, lease, utcnow())
    log.info("held", batch_id=lease.batch_id, is_all=is_all, request_id=lease.request_id)
    return is_all


def _send_slice(
    runtime: Runtime,
    lease: Lease,
    journal: Journal,
    sender: Sender,
    slice_: Sequence[RowMapping],
    read_at: float,
    outcomes: dict[int, Outcome],
) -> None:
    """Send until the slice ends or its eligibility is too old; fills `outcomes` as it goes."""
    for row in slice_:
        if outcomes and time.monotonic() - read_at > FRESH_S:
            return
        if not lease.is_safe:
            raise LeaseLost(lease.batch_id)
        destination_id = row["destination_id"]
        if row["is_cancelled"]:
            outcomes[destination_id] = CANCELLED
        elif row["is_expired"]:
            outcomes[destination_id] = EXPIRED
        elif not row["is_eligible"]:
            outcomes[destination_id] = SUPPRESSED
        else:
            wire = _Wire(runtime, lease, journal, destination_id, read_at)
            try:
                outcome = _send(sender, row, wire)
            except NotNowError:
                return
            outcomes[destination_id] = outcome
            journal.answer(destination_id, outcome)


def _send(sender: Sender, row: RowMapping, wire: _Wire) -> Outcome:
    """Send one delivery. An error of our own costs this delivery a try, and no other one."""
    try:
        return sender.send(row, wire)
    except NotToBeSentError as error:
        return error.outcome
    except (PeerAwayError, LeaseLost, NotNowError, SQLAlchemyError):
        raise
    except Exception as error:
        log.exception("delivery broke", destination_id=row["destination_id"])
        if wire.is_begun:
            return BROKE_ON_THE_WIRE
        return Outcome(DeliveryState.DEFERRED, "internal", type(error).__name__)


class _Wire:
    """The last look before a delivery leaves, and the line in the journal that says so."""

    def __init__(
        self,
        runtime: Runtime,
        lease: Lease,
        journal: Journal,
        destination_id: int,
        read_at: float,
    ) -> None:
        self._runtime, self._lease, self._journal = runtime, lease, journal
        self._destination_id, self._read_at = destination_id, read_at
        self.is_begun = False

    def __call__(self) -> None:
        if time.monotonic() - self._read_at > FRESH_S:  # a slow greeting, a slow RCPT
            self._look_again()
        # First the line, then the clock: a worker that is stopped in between has said where it was.
        self._journal.wire(self._destination_id)
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)
        self.is_begun = True

    def _look_again(self) -> None:
        with self._runtime.db.read() as session:
            found = pending(session, self._lease, self._destination_id - 1, 1)
        if not found or found[0]["destination_id"] != self._destination_id:
            raise LeaseLost(self._lease.batch_id)
        if found[0]["is_cancelled"]:
            raise NotToBeSentError(CANCELLED)
        if is_held(found[0]):
            raise NotNowError
        if not found[0]["is_eligible"]:
            raise NotToBeSentError(SUPPRESSED)
