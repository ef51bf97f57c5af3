"""The courier: takes the deliveries of a claimed batch one after the other and has them sent.

The same steps serve every kind of destination; a `Sender` knows its own protocol.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.ledger.hold import hold, is_held
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import SLICE, Lease, LeaseLost, pending
from service.ledger.outcome import Answer, Outcome
from service.ledger.quiet import quiet_for, waiting
from service.logs import get_logger
from service.models import DeliveryState
from workers.settling import Settler

log = get_logger(__name__)

# Eligibility is never older than this when an envelope starts. Of the 250 ms that are promised
# (invariant 8), 50 are for the way to the wire on a busy machine.
FRESH_S = 0.2

BROKE_ON_THE_WIRE = Outcome(DeliveryState.UNKNOWN, detail="an error came before the answer")
CANCELLED = Outcome(DeliveryState.CANCELLED)
SUPPRESSED = Outcome(DeliveryState.SUPPRESSED)
EXPIRED = Outcome(DeliveryState.REJECTED, "expired", "a day after its release it was no news")


class PeerAwayError(Exception):
    """The other side takes nothing at all now; the batch waits and no delivery is touched.

    `retry_after_s`: how long, where the other side said so.
    """

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotToBeSentError(Exception):
    """Raised by `on_wire`: the delivery is no longer wanted, so no byte of it may leave."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state.word)
        self.outcome = outcome


class NotNowError(Exception):
    """Raised by `on_wire`: staff paused it a moment ago; no byte leaves, nothing is decided."""


class NotPreparedError(Exception):
    """What a slice needs cannot be made, by an error of our own; nothing of it has left."""


class HandedBackError(Exception):
    """All that is left of the batch waits for a pause to end, and the batch was handed back."""


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


class Courier:
    """Goes through a batch in order of destination; each step is one delivery."""

    def __init__(
        self, db: Database, lease: Lease, journal: Journal, settler: Settler, sender: Sender
    ) -> None:
        self._db, self._lease, self._journal = db, lease, journal
        self._settler, self._sender = settler, sender
        self._slice: deque[RowMapping] = deque()
        self._revision_id: int | None = None
        self._read_at = 0.0
        self._is_begun = False  # at least the first of a slice is sent, however slow reading was
        self._after = 0
        self.count = 0

    def step(self) -> bool:
        """Bring the next delivery to its outcome; False: there is none left.

        Raises:
            LeaseLost: the batch is somebody else's, or may be soon.
            PeerAwayError: the other side takes nothing now.
            JournalError: the disk takes nothing now, and so nothing may be sent.
            HandedBackError: staff paused what is left; the batch is nobody's by now.
        """
        self._settler.wait_for_room()
        if self._is_begun and time.monotonic() - self._read_at > FRESH_S:
            self._slice.clear()
        if not self._slice and not self._read():
            return False
        row = self._slice.popleft()
        self._is_begun = True
        destination_id = row["destination_id"]
        if row["is_cancelled"]:
            self._keep(destination_id, CANCELLED)
        elif row["is_expired"]:
            self._keep(destination_id, EXPIRED)
        elif not row["is_eligible"]:
            self._keep(destination_id, SUPPRESSED)
        elif left := self._quiet_for(row):
            self._keep(destination_id, waiting(left))
        else:
            self._deliver(row)
        return True

    def _read(self) -> bool:
        """Read the next slice, with the eligibility of each."""
        while True:
            self._read_at = time.monotonic()
            with self._db.read() as session:
                rows = pending(session, self._lease, self._after, SLICE)
                if not rows:
                    return False
                if not any(map(is_held, rows)):
                    self._slice.extend(rows)
                    self._revision_id = self._prepared(session)
                    break
            self._set_aside()
        self._journal.begin_slice(self._revision_id)
        self._is_begun = False
        return True

    def _prepared(self, session: Session) -> int | None:
        try:
            return self._sender.prepare(session)
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise NotPreparedError from error

    def _quiet_for(self, row: RowMapping) -> timedelta:
        zone = self._lease.policy.timezone
        return quiet_for(utcnow(), row["quiet_from"], row["quiet_until"], zone)

    def _set_aside(self) -> None:
        """Leave what is paused for later. What was sent is settled first: it is not waiting."""
        self._settler.drain()
        with self._db.write() as session:
            is_all = hold(session, self._lease, utcnow())
        if is_all:
            raise HandedBackError

    def _deliver(self, row: RowMapping) -> None:
        destination_id = row["destination_id"]
        wire = _Wire(self._db, self._lease, self._journal, destination_id, self._read_at)
        try:
            outcome = self._send(row, wire)
        except NotNowError:  # the next look finds what else is paused
            self._slice.clear()
            return
        try:
            self._journal.answer(destination_id, outcome)
        except JournalError:
            log.error("journal full", batch_id=self._lease.batch_id)
            self._keep(destination_id, outcome)
            self._settler.drain()
        else:
            self._keep(destination_id, outcome)

    def _send(self, row: RowMapping, wire: _Wire) -> Outcome:
        """Send one delivery. An error of our own costs this delivery a try, and no other one."""
        try:
            return self._sender.send(row, wire)
        except NotToBeSentError as error:
            return error.outcome
        except (PeerAwayError, LeaseLost, NotNowError, JournalError, SQLAlchemyError):
            raise
        except Exception as error:
            log.exception("delivery broke", destination_id=row["destination_id"])
            if wire.is_begun:
                return BROKE_ON_THE_WIRE
            return Outcome(DeliveryState.DEFERRED, "internal", type(error).__name__)

    def _keep(self, destination_id: int, outcome: Outcome) -> None:
        self._settler.hold(destination_id, Answer(outcome, self._revision_id))
        self._after = destination_id
        self.count += 1


class _Wire:
    """The last look before a delivery leaves, and the line in the journal that says so."""

    def __init__(
        self, db: Database, lease: Lease, journal: Journal, destination_id: int, read_at: float
    ) -> None:
        self._db, self._lease, self._journal = db, lease, journal
        self._destination_id, self._read_at = destination_id, read_at
        self.is_begun = False

    def __call__(self) -> None:
        self._check()
        # First the line, then the looks: whoever is held up in between has said where it was.
        self._journal.wire(self._destination_id)
        try:
            if time.monotonic() - self._read_at > FRESH_S:  # a slow greeting, a slow RCPT
                self._look_again()
            self._check()
        except Exception:  # a database that is away as well: no byte has left
            with suppress(JournalError):
                self._journal.stayed(self._destination_id)
            raise
        self.is_begun = True

    def _check(self) -> None:
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)

    def _look_again(self) -> None:
        with self._db.read() as session:
            found = pending(session, self._lease, self._destination_id - 1, 1)
        if not found or found[0]["destination_id"] != self._destination_id:
            raise LeaseLost(self._lease.batch_id)
        if found[0]["is_cancelled"]:
            raise NotToBeSentError(CANCELLED)
        if is_held(found[0]):
            raise NotNowError
        if not found[0]["is_eligible"]:
            raise NotToBeSentError(SUPPRESSED)
