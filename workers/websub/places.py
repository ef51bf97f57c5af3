"""Which calls of our hub may be under way at once, in one process.

Anybody may name callbacks, on as many hosts as they like, that keep each call waiting to its end.
So hosts that take pushes, and answer soon, have places of their own, which no stranger can fill.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 4  # batches for hosts that have taken a push
AT_ONCE_OTHERS = 2  # and for those that have not, or were slow
SLOW_CALL_S = 3.0
SLOW_FOR_S = 3600.0  # how long it is remembered that a host was slow
MOST_SLOW = 10_000  # hosts


class Places:
    """Places for batches of calls; thread-safe, one per process."""

    def __init__(self) -> None:
        self._known = threading.BoundedSemaphore(AT_ONCE)
        self._others = threading.BoundedSemaphore(AT_ONCE_OTHERS)
        self._slow: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, host: str, has_taken: bool) -> Iterator[bool]:
        """A place for a batch of this host as long as the context lasts; False: there is none.

        `has_taken`: a push, of those that are subscribed.
        """
        kind = self._known if has_taken and not self._was_slow(host) else self._others
        if not kind.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            kind.release()

    def note(self, host: str, slowest_s: float) -> None:
        """Remember a host whose slowest call of a batch took long; quick ones excuse none."""
        if slowest_s <= SLOW_CALL_S:
            return
        with self._lock:
            self._slow[host] = time.monotonic()
            self._slow.move_to_end(host)
            if len(self._slow) > MOST_SLOW:
                self._slow.popitem(last=False)

    def _was_slow(self, host: str) -> bool:
        with self._lock:
            at = self._slow.get(host)
        return at is not None and time.monotonic() - at < SLOW_FOR_S
