"""How near to its rate a service is served that takes 30 a second, by as many threads as a worker
has: batches that are handed back, rung for and claimed again."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from unittest import mock

import yaml

from service.runtime import Runtime
from service.settings import Settings
from service.tasks import WORKERS
from tests.bench.chat.city import city
from tests.bench.chat.receiver import Receiver
from workers.chat import send_chat_batch

RATE = 30


def per_second(receiver: Receiver, folder: Path, messages: int) -> float:
    """Messages a second after the first burst, of which the bucket held as many as it may."""
    source = Settings.model_fields["config_dir"].default
    rules = yaml.safe_load((source / "chat.yaml").read_text("utf-8"))
    rules["services"]["json"] |= {"service": f"{RATE}/1"}
    (folder / "chat.yaml").write_text(yaml.safe_dump(rules))
    alone = mock.patch("workers.chat.gate.HOSTED", frozenset())
    with alone, city(config_dir=folder) as town:
        town.has([receiver.url("0", number) for number in range(messages)])
        notification = town.news()
        rung: SimpleQueue[int | None] = SimpleQueue()
        with mock.patch.object(town.runtime.doorbell, "ring_soon", _into(rung)):
            threads = [
                threading.Thread(target=partial(_work, town.runtime, rung))
                for _ in range(WORKERS["chat"][2])
            ]
            for thread in threads:
                thread.start()
            receiver.came()
            began, came, last = time.monotonic(), 0, 0.0
            for batch in town.plan(notification):
                rung.put(batch)
            while came < messages:
                time.sleep(0.5)
                more, at = receiver.came()
                came, last = came + more, max(last, at)
            for _ in threads:
                rung.put(None)
            for thread in threads:
                thread.join()
    return (messages - RATE) / (last - began)


def _into(rung: SimpleQueue[int | None]) -> Any:
    return lambda task, batch_id, queue: rung.put(batch_id)


def _work(runtime: Runtime, rung: SimpleQueue[int | None]) -> None:
    while (batch := rung.get()) is not None:
        send_chat_batch(runtime, batch)
