"""The turnstile: a slow lane leaves a worker's other threads to the other lanes."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

THREADS_OF_A_LANE = 2  # of a worker's
LONGEST_LINE = 64  # batches: more than a lane sends until the sweeper has looked again


class Entry(Enum):
    """What a turnstile says to a batch."""

    THROUGH = "go on"
    IN_LINE = "wait: it is rung for when there is a thread"
    LATER = "come again: the line is long, or hardly moves"


class Turnstile:
    """How many threads of this process are at work on each lane, and which batches wait for one.

    Who waits keeps no thread from the other lanes, and is rung for as soon as it can be sent.
    """

    def __init__(self, most: int = THREADS_OF_A_LANE, longest: int = LONGEST_LINE) -> None:
        self._most, self._longest = most, longest
        self._at_work = Counter[str]()
        self._lines: defaultdict[str, dict[int, Callable[[], object]]] = defaultdict(dict)
        self._lock = threading.Lock()

    @contextmanager
    def passed(self, lane: str, batch_id: int, ring: Callable[[], object]) -> Iterator[Entry]:
        """Ask for a thread of a lane; `ring` is called when one is free, if it must wait in line.

        Whoever asks again while in line was found by the sweeper, and is to come later.
        """
        with self._lock:
            entry = self._enter(lane, batch_id, ring)
        try:
            yield entry
        finally:
            if entry is Entry.THROUGH:
                self._leave(lane)

    def _enter(self, lane: str, batch_id: int, ring: Callable[[], object]) -> Entry:
        line = self._lines[lane]
        was_in_line = line.pop(batch_id, None) is not None
        if self._at_work[lane] < self._most:
            self._at_work[lane] += 1
            return Entry.THROUGH
        if was_in_line or len(line) >= self._longest:
            return Entry.LATER
        line[batch_id] = ring
        return Entry.IN_LINE

    def _leave(self, lane: str) -> None:
        with self._lock:
            self._at_work[lane] -= 1
            line = self._lines[lane]
            ring = line.pop(next(iter(line))) if line else None
        if ring is not None:
            ring()
