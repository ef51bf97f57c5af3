"""The courier: hands out the deliveries of a claimed batch and takes back their answers.

The same rules hold for every kind of destination: who may still be told, how much may be in the
air, what the journal says. A `Sender` knows its own protocol, and how many it sends at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.ledger.digest_look import Look
from service.ledger.hold import hold, is_held
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import LARGEST_SLICE, SLICE, Lease, Row, pending
from service.ledger.outcome import Answer, Outcome
from service.ledger.quiet import quiet_for, waiting
from service.logs import get_logger
from service.models import DeliveryState
from workers.glances import Glances
from workers.parcel import CANCELLED, FRESH_S, SUPPRESSED, Parcel
from workers.settling import Settler

log = get_logger(__name__)

EXPIRED = Outcome(DeliveryState.REJECTED, "expired", "a day after its release it was no news")


class PeerAwayError(Exception):
    """The other side takes nothing at all now; the batch waits and no delivery is touched.

    `retry_after_s`: how long, where the other side said so.
    """

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class FullError(PeerAwayError):
    """As much as the other side takes at this time is under way; it is well, and gets the rest in
    `retry_after_s`."""


class NotPreparedError(Exception):
    """What a slice needs cannot be made, by an error of our own; nothing of it has left."""


class HandedBackError(Exception):
    """All that is left of the batch waits for a pause to end, and the batch was handed back."""


class Sender(Protocol):
    """Speaks one protocol for the length of a batch."""

    def prepare(self, session: Session) -> int | None:
        """Read what the next slice needs; return the revision that it will send, if any."""

    def send_all(self, courier: Courier) -> None:
        """Take parcels and answer each, until there is none left.

        Raises:
            PeerAwayError: nothing could be sent now; what was taken and not answered has not left.
        """

    def close(self) -> None:
        """Hang up."""


class Courier:
    """Goes through a batch in order of destination. One thread takes and answers; `on_wire` of a
    parcel may be called by another one."""

    def __init__(
        self,
        db: Database,
        lease: Lease,
        journal: Journal,
        settler: Settler,
        sender: Sender,
        look: Look | None = None,
    ) -> None:
        """`look`: at the items of each letter, where the batch is a digest's."""
        self._db, self._lease, self._journal = db, lease, journal
        self._settler, self._sender, self._look = settler, sender, look
        self._glances = Glances(db, lease)
        self._slice: deque[Row] = deque()
        self._size = SLICE
        self._revision_id: int | None = None
        self._read_at = self._took_s = 0.0
        self._is_slice_begun = False  # at least its first is sent, however slow reading was
        self._after = 0  # the last one that was taken
        self._in_hand = 0  # taken, not answered
        self._must_restart = False  # once nothing is in hand: something was put back, or is paused
        self._is_exhausted = False
        self.count = 0

    def take(self) -> Parcel | None:
        """The next delivery that is to be sent.

        None: none as long as others are in hand, or none at all where nothing is.

        Raises:
            LeaseLost: the batch is somebody else's, or may be soon.
            HandedBackError: staff paused what is left; the batch is nobody's by now.
        """
        while (self._must_restart or not self._is_exhausted) and self._has_room():
            if self._is_slice_stale():
                self._size = max(self._size // 2, SLICE)
                self._slice.clear()
            if not self._slice and not self._read():
                return None
            row = self._slice.popleft()
            self._is_slice_begun = True
            self._after = row["destination_id"]
            decided = self._decided(row)
            if decided is None:
                self._in_hand += 1
                self._glances.expect(self._after)
                kept = (self._db, self._lease, self._journal, self._glances)
                return Parcel(row, self._revision_id, *kept, self._read_at, self._look)
            self._keep(self._after, decided, self._revision_id)
        return None

    def answer(self, parcel: Parcel, outcome: Outcome) -> None:
        """Keep what became of a parcel; it is settled soon."""
        self._in_hand -= 1
        self._glances.forget(parcel.destination_id)
        destination_id, revision_id = parcel.destination_id, parcel.revision_id
        try:
            with self._journal.turn:
                self._journal.set_revision(revision_id)
                self._journal.answer(destination_id, outcome)
        except JournalError:
            log.error("journal full", batch_id=self._lease.batch_id)
            self._keep(destination_id, outcome, revision_id)
            self._settler.drain()
        else:
            self._keep(destination_id, outcome, revision_id)

    def call_when_settled(self, call: Callable[[], None]) -> None:
        """Call this, from another thread, whenever there may be room again for one more."""
        self._settler.on_settled = call

    def put_back(self, parcel: Parcel) -> None:
        """Nothing of it has left and nothing is decided: it is looked at again, when all that is
        in hand has been answered."""
        self._in_hand -= 1
        self._glances.forget(parcel.destination_id)
        self._must_restart = True

    def _has_room(self) -> bool:
        """Whether one more may be sent: it must be known where it would be in doubt."""
        if not self._in_hand:
            self._settler.wait_for_room()
            if self._must_restart:
                self._begin_again()
            return True
        return not self._must_restart and self._settler.has_room(self._in_hand)

    def _is_slice_stale(self) -> bool:
        """Whether another look at the rest pays. Where looks are slow themselves, each parcel's own
        has to do."""
        age_s = time.monotonic() - self._read_at
        return self._is_slice_begun and age_s > FRESH_S and self._took_s < FRESH_S / 2

    def _begin_again(self) -> None:
        """From the first that is still queued. What was sent is settled before: it is not."""
        self._settler.drain()
        self._slice.clear()
        self._after, self._must_restart, self._is_exhausted = 0, False, False

    def _read(self) -> bool:
        """Read the next slice, with the eligibility of each."""
        if self._is_slice_begun and time.monotonic() - self._read_at < FRESH_S / 2:
            self._size = min(self._size * 2, LARGEST_SLICE)
        while True:
            self._read_at = time.monotonic()
            with self._db.read() as session:
                rows: Sequence[Row] = pending(session, self._lease, self._after, self._size)
                if self._look is not None and rows:
                    rows = self._look.add_letters(session, rows)
                self._took_s = time.monotonic() - self._read_at
                if not rows:
                    self._is_exhausted = True
                    return False
                if not any(map(is_held, rows)):
                    self._slice.extend(rows)
                    self._revision_id = self._prepared(session)
                    break
            if self._in_hand:  # they may be among those that would be set aside
                self._must_restart = True
                return False
            self._set_aside()
        if self._look is not None:
            self._look.write(self._db)  # before any of them leaves
        self._is_slice_begun = False
        return True

    def _prepared(self, session: Session) -> int | None:
        try:
            return self._sender.prepare(session)
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise NotPreparedError from error

    def _decided(self, row: Row) -> Outcome | None:
        """The outcome of one that is not to be sent now."""
        if row["is_cancelled"]:
            return CANCELLED
        if row["is_expired"]:
            return EXPIRED
        if not row["is_eligible"]:
            return SUPPRESSED
        if "letter" in row and not row["letter"].items:
            return CANCELLED if row["letter"].wishes else SUPPRESSED
        left = self._quiet_for(row)
        return waiting(left) if left else None

    def _quiet_for(self, row: Row) -> timedelta:
        if row["quiet_from"] is None:
            return timedelta(0)
        zone = self._lease.policy.timezone
        return quiet_for(utcnow(), row["quiet_from"], row["quiet_until"], zone)

    def _set_aside(self) -> None:
        """Leave what is paused for later. What was sent is settled first: it is not waiting."""
        self._settler.drain()
        with self._db.write() as session:
            is_all = hold(session, self._lease, utcnow())
        if is_all:
            raise HandedBackError

    def _keep(self, destination_id: int, outcome: Outcome, revision_id: int | None) -> None:
        self._settler.hold(destination_id, Answer(outcome, revision_id))
        self.count += 1
