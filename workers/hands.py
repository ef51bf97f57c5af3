"""The sweeper's own hands: threads that do what no worker does.

They get the rows for which no bell can be rung, and those for which it was rung in vain: a worker
that came back after Redis was killed may be deaf. There is one hand for each program of workers
(`service.tasks.WORKERS`), and it takes its rows in that program's order of queues: so a slow relay
keeps no citizen's sign-in link waiting here either, and the sweep itself waits for nobody.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sqlalchemy.exc import InterfaceError, OperationalError

from service import logs
from service.ledger.waiting import Ring
from service.runtime import Runtime
from service.tasks import WORKERS, Queue, Task

log = logs.get_logger(__name__)

Work = Callable[[Runtime, int], object]
MOST_WAITING = 200  # rows of a hand; what is beyond, a later sweep finds again
PROGRAM_OF: dict[Queue, str] = {
    queue: program for program, (queues, _, _) in WORKERS.items() for queue in queues
}
RANK = {queue: rank for rank, queue in enumerate(Queue)}


class Hands:
    """Works rows aside. Thread-safe; a row is never in two hands of this process at once.

    That another process works the same row at the same time is what every task allows for.
    """

    def __init__(self, runtime: Runtime, work: Mapping[Task, Work]) -> None:
        self._runtime, self._work = runtime, work
        self._changed = threading.Condition()
        self._waiting: dict[str, list[tuple[int, int, Ring]]] = {name: [] for name in WORKERS}
        self._threads: dict[str, threading.Thread] = {}
        self._held: set[tuple[Task, int]] = set()  # waiting, or in hand
        self._numbers = itertools.count()
        self._is_closed = False

    def take(self, ring: Ring) -> bool:
        """Take a row, to be worked soon; False: it is in hand, or the hand is full."""
        name, key = PROGRAM_OF[ring.queue], (ring.task, ring.row_id)
        with self._changed:
            waiting = self._waiting[name]
            if self._is_closed or key in self._held or len(waiting) >= MOST_WAITING:
                return False
            self._held.add(key)
            heapq.heappush(waiting, (RANK[ring.queue], next(self._numbers), ring))
            if name not in self._threads:
                thread = threading.Thread(
                    target=self._serve, args=(name,), name=f"hand {name}", daemon=True
                )
                self._threads[name] = thread
                thread.start()
            self._changed.notify_all()
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is in hand any more; False where time was up before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, timeout_s)

    def close(self, grace_s: float) -> bool:
        """Begin no further row, and let those in hand end; False where some did not in time.

        These die with the process, as by a kill: leases and journals are made for that.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + grace_s
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def _serve(self, name: str) -> None:
        waiting = self._waiting[name]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: waiting or self._is_closed)
                if self._is_closed:
                    return
                _, _, ring = heapq.heappop(waiting)
            try:
                self._do(ring)
            finally:
                with self._changed:
                    self._held.discard((ring.task, ring.row_id))
                    self._changed.notify_all()

    def _do(self, ring: Ring) -> None:
        with suppress(OperationalError, InterfaceError):  # the sweep says it of all
            work_alone(self._work[ring.task], self._runtime, ring.row_id)


def work_alone(work: Work, runtime: Runtime, row_id: int) -> bool:
    """Do one row's work; an error of its own must not stop the work on all others.

    Raises:
        OperationalError, InterfaceError: the database is away, and so is everything else.
    """
    try:
        return bool(work(runtime, row_id))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # the stage has logged it with all that it knows
        log.warning("row failed", row_id=row_id, error=type(error).__name__)
        return False
