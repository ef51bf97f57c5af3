"""What other lanes lose while one is slow: letters a second of the lane `other`, with and without.

`python -m tests.bench.mail.lanes PORT COUNT with|without`: four threads take batches from one list,
as those of a worker do from their queue; what its lane has no thread for comes back when it is due,
as the sweeper brings it. COUNT is not used: what is planned is delivered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue

from sqlalchemy import func, select

from service.db import utcnow
from service.ledger.sweep import STAGES
from service.ledger.waiting import waiting_batches
from service.models import Batch, BatchState, Delivery, DeliveryState
from service.runtime import Runtime
from service.settings import Settings
from service.tasks import WORKERS, Doorbell, Queue, Task
from tests.bench.mail.run import Run, of_module
from tests.bench.mail.worker import runtime_at
from workers.email import send_email_batch

SLOW_LANE, OTHERS = "gmail", "other"
THREADS = WORKERS["email"][2]
LOOK_S = 0.05
PATIENCE_S = STAGES[waiting_batches].total_seconds()  # of a sweeper, until it rings again


def measure(count: int, *, is_beside: bool) -> Run:
    """The lane `other` alone, or beside a slow one."""
    words = "with" if is_beside else "without"
    from tests.bench.mail.planned import planned  # not in the memory of who sends

    with planned(count, lanes=(SLOW_LANE, OTHERS)) as environment, _slow_server() as port:
        return of_module("tests.bench.mail.lanes", port, count, words, environment=environment)


@contextmanager
def _slow_server() -> Iterator[int]:
    words = [sys.executable, "-m", "tests.bench.mail.slow"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


class Bell(Doorbell):
    """Rings for whoever takes from a list of this process."""

    def __init__(self, settings: Settings, rung: SimpleQueue[int]) -> None:
        super().__init__(settings)
        self._rung = rung

    def ring(self, _task: Task, row_id: int, _queue: Queue | None = None) -> bool:
        self._rung.put(row_id)
        return True


class Crew:
    """The threads of a worker and their list."""

    def __init__(self, runtime: Runtime, lanes: Collection[str]) -> None:
        self._rung: SimpleQueue[int] = SimpleQueue()
        self._runtime = replace(runtime, doorbell=Bell(runtime.settings, self._rung))
        self._lanes = lanes

    def deliver(self) -> int:
        """Until the lane `other` has nothing left; returns how many letters it had."""
        for _ in range(THREADS):
            threading.Thread(target=self._work, daemon=True).start()
        self._sweep()
        while self._is_left():
            time.sleep(LOOK_S)
            if time.monotonic() > self._swept_at + PATIENCE_S:
                self._sweep()
        sent = Delivery.state == DeliveryState.SENT
        query = select(func.count(Delivery.destination_id)).where(sent)
        query = query.join(Batch, Batch.id == Delivery.batch_id).where(Batch.lane == OTHERS)
        with self._runtime.db.read() as session:
            return session.scalar(query) or 0

    def _work(self) -> None:
        while True:
            send_email_batch(self._runtime, self._rung.get())

    def _sweep(self) -> None:
        self._swept_at = time.monotonic()
        query = (
            select(Batch.id)
            .where(Batch.state == BatchState.READY, Batch.due_at <= utcnow())
            .where(Batch.lane.in_(self._lanes))
        )
        with self._runtime.db.read() as session:
            for batch_id in session.scalars(query.order_by(Batch.id)):
                self._rung.put(batch_id)

    def _is_left(self) -> bool:
        query = select(Batch.id).where(Batch.lane == OTHERS, Batch.state < BatchState.DONE).limit(1)
        with self._runtime.db.read() as session:
            return session.scalar(query) is not None


def main() -> None:
    port, is_beside = int(sys.argv[1]), sys.argv[3] == "with"
    with runtime_at(port) as runtime:
        crew = Crew(runtime, (SLOW_LANE, OTHERS) if is_beside else (OTHERS,))
        started = time.perf_counter()
        sent = crew.deliver()
        print(json.dumps({"seconds": time.perf_counter() - started, "sent": sent}), flush=True)
        os._exit(0)  # what the slow lane still has in hand would hold it up


if __name__ == "__main__":
    main()
