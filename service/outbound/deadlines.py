"""Deadlines of calls: one thread of the process keeps them all, however many calls there are."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.logs import get_logger

log = get_logger(__name__)


class Deadlines:
    """Does something at a given time, unless it is over before. Thread-safe; one per process."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """A fork has none of its parent's threads, and none of their calls."""
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int]] = []
        self._acts: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def after(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Call `act`, which must be quick, from another thread after so long; not once the context
        has been left."""
        number = self.start(seconds, act)
        try:
            yield
        finally:
            with self._changed:
                self._acts.pop(number, None)

    def start(self, seconds: float, act: Callable[[], None]) -> int:
        """Call `act` after so long, whatever happens meanwhile."""
        with self._changed:
            at = time.monotonic() + seconds
            number = next(self._numbers)
            self._acts[number] = act
            heapq.heappush(self._heap, (at, number))
            if self._thread is None:
                thread = threading.Thread(target=self._keep, name="deadlines", daemon=True)
                thread.start()  # where there is no thread to be had, the next call has another try
                self._thread = thread
            elif self._heap[0][1] == number:
                self._changed.notify()
        return number

    def _keep(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                while self._heap and (
                    self._heap[0][0] <= now or self._heap[0][1] not in self._acts
                ):
                    _, number = heapq.heappop(self._heap)
                    if act := self._acts.pop(number, None):
                        try:
                            act()
                        except Exception:  # all other deadlines are kept all the same
                            log.exception("deadline broke")
                self._changed.wait(self._heap[0][0] - now if self._heap else None)


DEADLINES = Deadlines()
