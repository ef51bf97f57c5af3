"""Whose turn it is to ask a source: one thread at a time, and nobody for a while where it is away.

A few threads fetch for all sources; without this one site that hangs would hold every one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.db import utcnow

BUSY = timedelta(seconds=1)  # until one who found somebody at the source comes again
PATIENCE = 3  # failures in a row
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)


class NotNow(Exception):
    """Somebody is at this source, or it has not answered lately. `wait`: come again after it."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"not for {wait.total_seconds():g} s")
        self.wait = wait


@dataclass
class Turn:
    """What its owner says at the end: whether the source was away."""

    is_away: bool = False


class Turns:
    """Of one process; thread-safe. Sources are told apart by their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        self._away: dict[int, tuple[int, datetime]] = {}  # failures in a row, end of the rest

    @contextmanager
    def of(self, source_id: int) -> Iterator[Turn]:
        """Have the source for oneself.

        Raises:
            NotNow: nothing was done.
        """
        self._take(source_id)
        turn = Turn()
        try:
            yield turn
            self._note(source_id, turn.is_away)
        finally:
            with self._lock:
                self._busy.discard(source_id)

    def _take(self, source_id: int) -> None:
        now = utcnow()
        with self._lock:
            _, until = self._away.get(source_id, (0, now))
            if now < until:
                raise NotNow(until - now)
            if source_id in self._busy:
                raise NotNow(BUSY)
            self._busy.add(source_id)

    def _note(self, source_id: int, is_away: bool) -> None:
        with self._lock:
            failures, _ = self._away.pop(source_id, (0, None))
            if is_away:
                self._away[source_id] = (failures + 1, utcnow() + _rest(failures + 1))


def _rest(failures: int) -> timedelta:
    """None at first, then 30 s, doubled with every failure, ten minutes at most."""
    if failures < PATIENCE:
        return timedelta(0)
    return min(FIRST_REST * (1 << min(failures - PATIENCE, 10)), LONGEST_REST)
