"""A whole worker: batches of one article, delivered with ledger and journal, signing off.

`python -m tests.bench.mail.worker PORT COUNT STEP`, told by its environment where the planned
batches are; it takes every STEP-th of them. One process and one thread, a batch after the other.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from sqlalchemy import func, select

from service import logs
from service.models import Batch, BatchState, Delivery, DeliveryState
from service.runtime import Runtime
from service.settings import load
from tests.bench.mail.ours import LINKS
from workers.email import send_email_batch, throttle


@contextmanager
def runtime_at(port: int) -> Iterator[Runtime]:
    """Of a process that sends to a relay at this port, over as many links and no more."""
    logs.configure("ERROR")
    throttle.MOST_LINKS = LINKS
    url = SecretStr(f"smtp://127.0.0.1:{port}")
    runtime = Runtime.start(load().model_copy(update={"smtp_url": url}))
    try:
        yield runtime
    finally:
        runtime.close()


def open_batches(runtime: Runtime) -> list[int]:
    """Those that are not done."""
    query = select(Batch.id).where(Batch.state < BatchState.DONE).order_by(Batch.id)
    with runtime.db.read() as session:
        return list(session.scalars(query))


def main() -> None:
    port, count, step = map(int, sys.argv[1:4])
    with runtime_at(port) as runtime:
        batches = open_batches(runtime)[::step]
        started = time.perf_counter()
        for batch_id in batches:
            send_email_batch(runtime, batch_id)
        seconds = time.perf_counter() - started
        query = select(func.count(Delivery.destination_id))
        with runtime.db.read() as session:
            sent = session.scalar(query.where(Delivery.state == DeliveryState.SENT)) or 0
    assert sent == count or (step > 1 and sent >= count / step / 2), sent
    print(json.dumps({"seconds": seconds, "sent": sent}))


if __name__ == "__main__":
    main()
