"""The sweeper: a process of its own that finds what no doorbell announced.

It needs neither the scheduler nor Redis. It rings again for what it finds; where no bell can be
rung, or nobody came though it was rung, its own hands do the work (`workers.hands`), and the sweep
goes on. Two sweepers at once do no harm: each row is found by one of them, and every task is safe
to run twice.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from service import logs
from service.db import utcnow
from service.feeds import hub_outside
from service.ingest.pulling.leasing import RING_PATIENCE, due_pulls
from service.jobs import queue
from service.ledger import sweep
from service.ledger.attempts import give_up_batches, give_up_revisions
from service.ledger.outcome import Outcome
from service.ledger.policy import Policy
from service.ledger.waiting import Ring
from service.models import Batch
from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S
from service.telemetry import tracing
from service.telemetry.beats import Beat
from service.telemetry.meters import DONE, FOUND
from workers.digest import make_due_runs
from workers.hands import Hands, work_alone
from workers.hearing import Queues, Unheard
from workers.measuring import Measure
from workers.plan import release_and_ring
from workers.stages import STAGES, at_the_border

log = logs.get_logger(__name__)

INTERVAL_S = 1.0
GRACE_S = 20.0  # for rows in hand when the sweeper is told to stop
QUERIES: dict[sweep.Stage, timedelta] = {
    **sweep.STAGES,
    due_pulls: RING_PATIENCE,
    queue.waiting_jobs: queue.RING_PATIENCE,
}


class Done(StrEnum):
    """What a sweep sees to itself. Releases and digests are nobody else's work; the others follow
    a death, or many."""

    JOURNAL = "journal replayed"
    BATCH = "batch given up"
    REVISION = "revision given up"
    RELEASE = "released"
    DIGEST = "digest made"
    CLOSED = "notification closed"


class Sweeper:
    """What is remembered from one sweep to the next.

    `take` gets each row that must be worked in this process, and says whether it took it; without
    one the sweep itself does the work, at once and in order.
    """

    def __init__(self, runtime: Runtime, take: Callable[[Ring], bool] | None = None) -> None:
        self._runtime, self._take = runtime, take or self._work_now
        self._queues, self._unheard = Queues(), Unheard()
        self._knows_hubs = False

    def sweep(self) -> int:
        """Look at every stage once; return how many rows had to be found."""
        now, db = utcnow(), self._runtime.db
        journals = self._runtime.settings.var_dir / "journal"
        policy = Policy.of(self._runtime.settings)
        if not self._knows_hubs:  # those that the settings name, which this process read once
            hub_outside.sync(db, self._runtime.vault, self._runtime.settings, now)
            self._knows_hubs = True
        rings = sweep.replay_journals(db, journals, now, policy, self._note_replayed)
        self._note(Done.BATCH, give_up_batches(db, journals, now, policy))
        released = self._note(Done.RELEASE, self._release())
        released += self._note(Done.DIGEST, make_due_runs(self._runtime))
        self._queues.look(self._runtime.doorbell.lengths())
        for query, patience in QUERIES.items():
            # With a broken bell nothing is on its way: there is nothing to be patient for.
            rung_before = now if self._runtime.doorbell.is_broken else now - patience
            with db.write() as session:
                rings += query(session, now, rung_before, self._queues.full)
        with db.write() as session:
            given_up = give_up_revisions(session, now)
            closed = sweep.close_finished(session, now)
        self._note(Done.REVISION, given_up)
        self._note(Done.CLOSED, closed)
        for ring in rings:
            self._answer(ring)
        return released + len(rings)

    def _note(self, what: Done, count: int) -> int:
        if count:
            self._runtime.meters.add(DONE, what.value, count=count)
        return count

    def _note_replayed(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Count what a dead owner sent and could not count itself."""
        self._note(Done.JOURNAL, 1)
        with self._runtime.db.read() as session:
            measure = Measure.of(session, self._runtime.meters, batch)
        measure.count(outcomes, utcnow())

    def _release(self) -> int:
        wait = timedelta(seconds=self._runtime.settings.review_wait_s)
        with self._runtime.db.read() as session:
            due = sweep.due_releases(session, utcnow(), wait)
        release = at_the_border("release", release_and_ring)
        return sum(work_alone(release, self._runtime, row_id) for row_id in due)

    def _answer(self, ring: Ring) -> None:
        """Ring again for a row, or have it worked here."""
        is_unheard = ring.queue in self._queues.still or self._unheard.is_due(ring)
        is_rung = not is_unheard and self._runtime.doorbell.ring(ring.task, ring.row_id, ring.queue)
        if is_rung or self._take(ring):
            log.info("found", task=ring.task.value, row_id=ring.row_id, rung=is_rung)
            rung = "yes" if is_rung else "no"
            self._runtime.meters.add(FOUND, ring.task.value, rung)

    def _work_now(self, ring: Ring) -> bool:
        work_alone(STAGES[ring.task], self._runtime, ring.row_id)
        return True


def sweep_once(runtime: Runtime) -> int:
    """Sweep, and do what no bell can be rung for before returning the number of rows found."""
    return Sweeper(runtime).sweep()


def main() -> None:
    """Sweep every second until told to stop; a database that is away is waited for."""
    settings = load()
    logs.configure(settings.log_level)
    runtime = Runtime.start(settings, WORKER_TIMEOUT_S)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    hands = Hands(runtime, STAGES)
    sweeper = Sweeper(runtime, hands.take)
    beat = Beat(settings, "sweeper")
    log.info("sweeper started")
    while not stop.wait(INTERVAL_S):
        beat()
        try:
            sweeper.sweep()
        except SQLAlchemyError as error:
            log.error("sweep failed", error=type(error).__name__)
            stop.wait(5 * INTERVAL_S)
        except Exception:
            log.exception("sweep failed")
    beat.stop()
    if hands.close(GRACE_S):
        runtime.close()
    tracing.close()


if __name__ == "__main__":
    main()
