"""A delivery in hand, and the last look at whether it may leave."""

from __future__ import annotations

import time
from contextlib import suppress

from service.db import Database
from service.ledger.digest_look import Look
from service.ledger.hold import is_held
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import Lease, LeaseLost, Row
from service.ledger.outcome import Outcome
from service.models import DeliveryState
from workers.glances import Glances

# Eligibility is never older than this when a message starts. Of the 250 ms that are promised
# (invariant 8), 50 are for the way to the wire on a busy machine.
FRESH_S = 0.2

CANCELLED = Outcome(DeliveryState.CANCELLED)
SUPPRESSED = Outcome(DeliveryState.SUPPRESSED)


class NotToBeSentError(Exception):
    """Raised by `on_wire`: the delivery is no longer wanted, so no byte of it may leave."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state.word)
        self.outcome = outcome


class NotNowError(Exception):
    """Raised by `on_wire`: staff paused it a moment ago, or a digest has to say something else by
    now; no byte leaves, nothing is decided."""


class Parcel:
    """A delivery in hand: its row, the revision that it tells (others may be told newer ones by
    the time of its answer), and `on_wire`, which is called right before its first byte leaves."""

    def __init__(
        self,
        row: Row,
        revision_id: int | None,
        db: Database,
        lease: Lease,
        journal: Journal,
        glances: Glances,
        read_at: float,
        look: Look | None,
    ) -> None:
        self.row, self.destination_id = row, row["destination_id"]
        self.revision_id = revision_id
        self._db, self._lease, self._journal, self._glances = db, lease, journal, glances
        self._read_at, self._look = read_at, look
        self.is_begun = False

    def on_wire(self) -> None:
        """The last look before it leaves, and the line in the journal that says so.

        Raises:
            NotToBeSentError, NotNowError, LeaseLost, JournalError: no byte of it may leave.
        """
        self._check()
        # First the line, then the looks: whoever is held up in between has said where it was.
        with self._journal.turn:
            self._journal.set_revision(self.revision_id)
            self._journal.wire(self.destination_id)
        try:
            if time.monotonic() - self._read_at > FRESH_S:  # a slow greeting, a slow RCPT
                self._look_again()
            self._check()
        except Exception:  # a database that is away as well: no byte has left
            with suppress(JournalError):
                self._journal.stayed(self.destination_id)
            raise
        self.is_begun = True
        self._glances.forget(self.destination_id)

    def _check(self) -> None:
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)

    def _look_again(self) -> None:
        found = self._glances.at(self.destination_id, FRESH_S)
        if found is None:
            raise LeaseLost(self._lease.batch_id)
        if found["is_cancelled"]:
            raise NotToBeSentError(CANCELLED)
        if is_held(found):
            raise NotNowError
        if not found["is_eligible"]:
            raise NotToBeSentError(SUPPRESSED)
        if self._look is not None:
            with self._db.read() as session:
                is_current = self._look.is_current(session, self.row)
            if not is_current:  # it says what may not be said any more: it is written anew
                raise NotNowError
