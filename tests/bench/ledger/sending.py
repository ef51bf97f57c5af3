"""What the ledger takes from the sender: a batch with all of it, and the same letters without.

Both render and send to the same server over the same links, in turns.
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
from service.ledger.lanes import MOST_LINKS
from service.ledger.lease import pending
from service.ledger.outcome import Outcome
from service.models import DeliveryState
from service.runtime import Runtime
from tests.bench.ledger.cost import batches
from tests.bench.ledger.scene import Scene
from workers.email.link import Envelope
from workers.email.pipeline import Pipeline
from workers.email.task import EmailSender, relays_of, send_email_batch
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
    send_email_batch(runtime, batch_id)
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
    relays = relays_of(runtime.settings)
    assert relays is not None
    Pipeline(relays, Steady()).run(_Rows(sender, found))
    return time.perf_counter() - started


class Steady:
    """As many links as a lane may have at most."""

    links = MOST_LINKS

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        """Nothing is learned."""

    def slow_down(self) -> None:
        """Nothing is learned."""


class _Rows:
    """Those of a batch, of whom nobody is asked whether the letter may leave."""

    def __init__(self, sender: EmailSender, found: list[RowMapping]) -> None:
        self._sender, self._rows = sender, iter(found)

    def take(self) -> Envelope | None:
        row = next(self._rows, None)
        if row is None:
            return None
        letter = self._sender.letter(row)
        return Envelope(
            row, letter.envelope_sender, letter.recipient, lambda: self._sender.written(letter)
        )

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        assert outcome.state == DeliveryState.SENT


@contextmanager
def _sink() -> Iterator[str]:
    words = [sys.executable, "-m", "tests.bench.ledger.sink"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"smtp://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
