"""What the ledger takes from the sender: a batch with all of it, and the same letters without.

Both render and send to the same server over one connection, in turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from sqlalchemy import RowMapping

from service.db import utcnow
from service.ledger.claim import claim
from service.ledger.lease import pending
from service.runtime import Runtime
from tests.bench.ledger.cost import batches
from tests.bench.ledger.scene import Scene
from workers.deliver import deliver_batch
from workers.email.task import EmailSender
from workers.plan import plan_notification

ROUNDS = 5


def measure(scene: Scene, size: int, say: Callable[[str], None]) -> float:
    """The median of the rate with the ledger by the rate without it, `size` letters each."""
    ratios = []
    with _sink() as url:
        settings = scene.runtime.settings.model_copy(update={"smtp_url": SecretStr(url)})
        runtime = Runtime.start(settings)
        try:
            for _ in range(ROUNDS):
                bare = _timed(scene, runtime, size, _bare)
                whole = _timed(scene, runtime, size, _whole)
                say(f"{scene.name:11} {size:9,} {bare:8.2f} {whole:8.2f} {bare / whole:7.2f}")
                ratios.append(bare / whole)
        finally:
            runtime.close()
    return statistics.median(ratios)


def _timed(
    scene: Scene, runtime: Runtime, size: int, send: Callable[[Runtime, int], float]
) -> float:
    scene.clear()
    plan_notification(runtime, scene.news(size))
    return sum(send(runtime, batch_id) for batch_id in batches(runtime))


def _whole(runtime: Runtime, batch_id: int) -> float:
    started = time.perf_counter()
    deliver_batch(runtime, batch_id, EmailSender)
    return time.perf_counter() - started


def _bare(runtime: Runtime, batch_id: int) -> float:
    """The sender alone. Who is in the batch is read before the clock starts."""
    with runtime.db.write() as session:
        lease = claim(session, batch_id, utcnow(), runtime.settings.var_dir / "journal")
    assert lease is not None
    with runtime.db.read() as session:
        found: list[RowMapping] = []
        while some := pending(session, lease, found[-1]["destination_id"] if found else 0, 100):
            found += some
    started = time.perf_counter()
    sender = EmailSender(runtime, lease)
    with runtime.db.read() as session:
        sender.prepare(session)
    for row in found:
        sender.send(row, _no_look)
    sender.close()
    return time.perf_counter() - started


def _no_look() -> None:
    """Nobody is asked whether the letter may leave."""


@contextmanager
def _sink() -> Iterator[str]:
    words = [sys.executable, "-m", "tests.bench.ledger.sink"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"smtp://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
