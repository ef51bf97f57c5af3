"""What the sweeper hears of its bells: which queues are full, and which rows nobody came for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from service.ledger.waiting import Ring
from service.tasks import Queue, Task

ENOUGH = 200  # rings that wait in a queue: more than its workers take until the next sweep
FORGOTTEN_S = 18.0  # longer than any patience, shorter than the rest of a plan
STILL_S = 30.0  # a full queue from which nobody takes anything for so long has no ear
UNHEARD = 3  # rings for a row that nobody came for
REMEMBERED = 10_000  # rows


class Queues:
    """The lengths of the queues from sweep to sweep. A full queue is not rung at again, so that
    a backlog does not grow into a flood of rings; one that stands still is left to our own hands.
    """

    def __init__(self) -> None:
        self._lengths: dict[Queue, int] = {}
        self._moved_at: dict[Queue, float] = {}
        self.full: frozenset[Queue] = frozenset()
        self.still: frozenset[Queue] = frozenset()

    def look(self, lengths: Mapping[Queue, int] | None) -> None:
        """Note the lengths of now; None: the broker is away, and nothing is full."""
        now, lengths = time.monotonic(), lengths or {}
        full = {queue for queue, length in lengths.items() if length >= ENOUGH}
        for queue in Queue:
            before = self._lengths.get(queue)
            if queue not in full or before is None or lengths[queue] < before:
                self._moved_at[queue] = now
        self._lengths = dict(lengths)
        self.still = frozenset(q for q in full if now - self._moved_at[q] >= STILL_S)
        self.full = frozenset(full) - self.still


class Unheard:
    """Counts the rings for each row; whoever comes for a row moves its mark."""

    def __init__(self) -> None:
        self._rings: dict[tuple[Task, int], tuple[datetime | None, int, float]] = {}

    def is_due(self, ring: Ring) -> bool:
        """Count a ring about to be rung; True: the ones before were in vain."""
        now = time.monotonic()
        nothing = ring.mark, 0, now
        mark, times, rung_at = self._rings.pop((ring.task, ring.row_id), nothing)
        # One that was not found for a while was heard: a plan that rests is found again later.
        is_same = mark == ring.mark and now - rung_at < FORGOTTEN_S
        times = times + 1 if is_same else 1
        self._rings[ring.task, ring.row_id] = ring.mark, times, now
        if len(self._rings) > REMEMBERED:
            self._rings.pop(next(iter(self._rings)))  # the one that was rung for the longest ago
        return times > UNHEARD
