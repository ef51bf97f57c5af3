"""Settling beside the sending: answers become rows soon, whatever the peer does with the next one.

It is the heartbeat of the lease too: a worker that waits for a slow peer keeps its batch, one that
hangs for ever does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from service.db import Database, utcnow
from service.ledger import lease as leases
from service.ledger.lease import Lease, LeaseLost
from service.ledger.outcome import Answer, Outcome
from service.ledger.settle import settle
from service.logs import get_logger, lines_of

log = get_logger(__name__)

SETTLE_WITHIN_S = 0.25
BEATS = 3  # of an idle lease in its length: one may fail and the next one still comes in time
HANGS_S = 300.0  # an envelope that takes longer is never answered: its batch goes to another worker
AGAIN_S = 1.0  # a database that is away is asked again so often
LEAVE_S = 10.0  # how long the last beat is waited for; its token keeps it from doing harm later


class Settler:
    """Holds the answers that are not in the database yet, at most `lease.window` of them.

    One thread sends and calls `wait_for_room` before each envelope and `hold` after it; `settle`
    may be called by any. A worker uses `beating`; without it nothing is settled by itself.
    """

    def __init__(self, db: Database, lease: Lease) -> None:
        self._db, self._lease = db, lease
        self._held: dict[int, Answer] = {}
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._is_ending = False
        self.is_stalled = False  # the database did not take what is held
        self.on_settled: Callable[[], None] = _nobody_waits
        self.count: Callable[[Collection[Outcome], datetime], None] = _nobody_counts
        self._asked_at = self._held_at = self._alive_at = leases.boot_clock()

    @property
    def is_full(self) -> bool:
        return len(self._held) >= self._lease.window

    def wait_for_room(self) -> None:
        """Wait until one more envelope may be sent: it must be known where it would be in doubt.

        Raises:
            LeaseLost: somebody else has the batch, or may have it soon.
        """
        with self._changed:
            self._alive_at = leases.boot_clock()
            while self._lease.is_safe and (self.is_full or self.is_stalled):
                self._changed.wait(self._lease.safe_s)
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)

    def has_room(self, in_hand: int) -> bool:
        """Whether one more may be sent beside those in hand, without waiting for it.

        Raises:
            LeaseLost: somebody else has the batch, or may have it soon.
        """
        self._alive_at = leases.boot_clock()
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)
        return not self.is_stalled and len(self._held) + in_hand < self._lease.window

    def hold(self, destination_id: int, answer: Answer) -> None:
        """Keep an answer until it is settled."""
        with self._changed:
            if not self._held:
                self._held_at = leases.boot_clock()
            self._held[destination_id] = answer
            if len(self._held) in (1, self._enough):
                self._changed.notify_all()

    def settle(self) -> None:
        """Write what is held and extend the lease, in one transaction.

        A database that is away is not an error: what is held stays so, and nothing more is sent
        until it was written. A lease that somebody else has is lost at once.
        """
        with self._turn:
            answers = dict(self._held)
            self._asked_at = asked_at = leases.boot_clock()
            now = utcnow()
            try:
                with self._db.write() as session:
                    written = settle(session, self._lease, answers, now)
            except LeaseLost:
                self._lease.lose()
            except SQLAlchemyError as error:
                log.warning(
                    "not settled",
                    batch_id=self._lease.batch_id,
                    held=len(answers),
                    error=type(error).__name__,
                    next_attempt_s=AGAIN_S,
                )
                self._let_go({}, is_stalled=True)
                return
            else:
                self._lease.ends = asked_at + self._lease.policy.lease_s
                self.count(written, now)
            self._let_go(answers, is_stalled=False)

    def drain(self) -> None:
        """Settle all that is held; called by who has stopped sending.

        Raises:
            LeaseLost: the batch is somebody else's; the journal has what was not settled.
        """
        while self._held and self._lease.is_safe:
            self.settle()
            if self.is_stalled:
                with self._changed:
                    self._changed.wait(min(AGAIN_S, max(self._lease.safe_s, 0.0)))
        if not self._lease.is_safe:
            raise LeaseLost(self._lease.batch_id)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Settle and extend the lease from a thread of its own for as long as the block runs."""
        thread = threading.Thread(target=self._beat, name="settler", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._is_ending = True
                self._changed.notify_all()
            thread.join(LEAVE_S)

    def _beat(self) -> None:
        with lines_of(request_id=self._lease.request_id):
            while self._sleep():
                self.settle()

    def _sleep(self) -> bool:
        """Wait for the next beat; False: there is no more."""
        with self._changed:
            while not self._is_ending and self._lease.is_safe:
                wait_s = self.next_beat_s()
                if wait_s is not None and wait_s <= 0:
                    return True
                self._changed.wait(wait_s)
        return False

    def next_beat_s(self) -> float | None:
        """How long until it must be settled again; null: not before something changes."""
        now = leases.boot_clock()
        if self.is_stalled:
            return self._asked_at + AGAIN_S - now
        if len(self._held) >= self._enough:
            return 0.0
        if self._held:
            return self._held_at + SETTLE_WITHIN_S - now
        if now - self._alive_at > HANGS_S:
            return None
        return self._asked_at + self._lease.policy.lease_s / BEATS - now

    @property
    def _enough(self) -> int:
        """Half of the window, so that the other half is sent while the first one is written."""
        return max(1, self._lease.window // 2)

    def _let_go(self, answers: dict[int, Answer], *, is_stalled: bool) -> None:
        with self._changed:
            for destination_id in answers:
                self._held.pop(destination_id, None)
            self._held_at = leases.boot_clock()
            self.is_stalled = is_stalled
            self._changed.notify_all()
        self.on_settled()


def _nobody_counts(_outcomes: Collection[Outcome], _now: datetime) -> None:
    """As it is where nobody watches."""


def _nobody_waits() -> None:
    """A sender that asks for room waits for it by itself."""
