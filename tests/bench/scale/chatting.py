"""What a chat message costs a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.chat.city import city
from tests.bench.chat.receiver import receiving
from tests.bench.scale.figure import Figure

CHANNELS, ROUNDS = 200, 3


def measure() -> Iterator[Figure]:
    """Of a service on this machine that answers at once; SQLite, planning is in it."""
    with receiving() as receiver, city() as town:
        town.has([receiver.url("0", number) for number in range(CHANNELS)])
        town.tell()  # modules are loaded
        began = time.process_time()
        for _ in range(ROUNDS):
            town.tell()
        took = time.process_time() - began
    yield Figure("chat_cpu_us", round(took / CHANNELS / ROUNDS * 1e6, 1), "µs")
