"""Rests: lanes whose service has had enough for now, and the batches that wait for it.

The sweeper would find each of them again, but only every few seconds, and all at once. Here the one
that was handed back goes on as soon as the service takes more, and the next one after it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable

from service.outbound import DEADLINES

LONGEST_LINE = 256  # batches of a lane; what is beyond, the sweeper finds
LONGEST_REST_S = 60.0  # longer ones are left to the sweeper

Lane = tuple[str, str]
Ring = Callable[[], object]


class Rests:
    """Thread-safe; one per process. What it holds may be lost: the sweeper finds all batches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting: set[Lane] = set()
        self._lines: defaultdict[Lane, OrderedDict[int, Ring]] = defaultdict(OrderedDict)

    def is_resting(self, lane: Lane, batch_id: int, ring: Ring) -> bool:
        """Whether a lane rests; then the batch is in line by now, and rung for at its turn."""
        with self._lock:
            if lane not in self._resting:
                return False
            line = self._lines[lane]
            if len(line) < LONGEST_LINE:
                line.setdefault(batch_id, ring)
            return True

    def leave(self, lane: Lane, batch_id: int, ring: Ring, rests_s: float | None) -> None:
        """A batch has left its thread: it is done, or is to go on first after a rest."""
        if rests_s is None:
            self._call_next(lane)
            return
        if rests_s > LONGEST_REST_S:
            return
        with self._lock:
            line = self._lines[lane]
            line[batch_id] = ring
            line.move_to_end(batch_id, last=False)
            if lane in self._resting:
                return
            self._resting.add(lane)
        DEADLINES.start(rests_s, lambda: self._wake(lane))

    def _wake(self, lane: Lane) -> None:
        with self._lock:
            self._resting.discard(lane)
        self._call_next(lane)

    def _call_next(self, lane: Lane) -> None:
        with self._lock:
            if lane in self._resting or lane not in self._lines:
                return
            line = self._lines[lane]
            ring = line.popitem(last=False)[1] if line else None
            if not line:
                del self._lines[lane]
        if ring is not None:
            ring()
