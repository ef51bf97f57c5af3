"""The sweeper: a process of its own that finds what no doorbell announced.

It needs neither the scheduler nor Redis: where ringing fails, it does the work itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from service import logs
from service.db import utcnow
from service.ingest.pulling.leasing import RING_PATIENCE, due_pulls
from service.ledger import sweep
from service.ledger.policy import Policy
from service.ledger.sweep import Ring
from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S, Task
from workers.plan import release_and_ring
from workers.stages import STAGES

log = logs.get_logger(__name__)

INTERVAL_S = 1.0
ASIDE = "poll aside"
OWN_WORK_S = 10.0  # without Redis: work for at most this long before the next look at everything


def sweep_once(runtime: Runtime) -> int:
    """Look at every stage once; return how many rows had to be found."""
    now = utcnow()
    journals, policy = runtime.settings.var_dir / "journal", Policy.of(runtime.settings)
    rings = sweep.replay_journals(runtime.db, journals, now, policy)
    with runtime.db.read() as session:
        review_wait = timedelta(seconds=runtime.settings.review_wait_s)
        due = sweep.due_releases(session, now, review_wait)
    released = sum(_alone(release_and_ring, runtime, notification_id) for notification_id in due)
    for query, patience in {**sweep.STAGES, due_pulls: RING_PATIENCE}.items():
        # With a broken bell nothing is on its way: there is nothing to be patient for.
        rung_before = now if runtime.doorbell.is_broken else now - patience
        with runtime.db.write() as session:
            rings += query(session, now, rung_before)
    with runtime.db.write() as session:
        sweep.close_finished(session, now)
    _answer(runtime, rings)
    return released + len(rings)


def _answer(runtime: Runtime, rings: list[Ring]) -> None:
    """Ring again for each row; do it here and now where no bell can be rung."""
    until = time.monotonic() + OWN_WORK_S
    for ring in rings:
        is_rung = runtime.doorbell.ring(ring.task, ring.row_id, ring.queue)
        log.info("found", task=ring.task.value, row_id=ring.row_id, rung=is_rung)
        if not is_rung and ring.task is Task.PULL_SOURCE:
            _poll_aside(runtime, ring.row_id)
        elif not is_rung and time.monotonic() < until:
            _alone(STAGES[ring.task], runtime, ring.row_id)


def _poll_aside(runtime: Runtime, source_id: int) -> None:
    """A poll waits for a foreign site for minutes: the sweep must not. One at a time; the others
    are found again by the next sweeps."""
    if not any(thread.name == ASIDE for thread in threading.enumerate()):
        threading.Thread(target=_poll, args=(runtime, source_id), name=ASIDE, daemon=True).start()


def _poll(runtime: Runtime, source_id: int) -> None:
    with suppress(OperationalError, InterfaceError):
        _alone(STAGES[Task.PULL_SOURCE], runtime, source_id)


def _alone(work: Callable[[Runtime, int], object], runtime: Runtime, row_id: int) -> bool:
    """Do one row's work; an error of its own must not stop the sweep of all others."""
    try:
        return bool(work(runtime, row_id))
    except (OperationalError, InterfaceError):
        raise  # the database is away: so is everything else
    except Exception:
        log.exception("row failed", row_id=row_id)
        return False


def main() -> None:
    """Sweep every second until told to stop; a database that is away is waited for."""
    settings = load()
    logs.configure(settings.log_level)
    runtime = Runtime.start(settings, WORKER_TIMEOUT_S)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("sweeper started")
    while not stop.wait(INTERVAL_S):
        try:
            sweep_once(runtime)
        except SQLAlchemyError as error:
            log.error("sweep failed", error=type(error).__name__)
            stop.wait(5 * INTERVAL_S)
        except Exception:
            log.exception("sweep failed")
    runtime.close()


if __name__ == "__main__":
    main()
