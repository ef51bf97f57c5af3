"""A desk where the work of several threads is done in one go: one transaction, one wait for disk.

Whoever finds it free serves. Those who come meanwhile wait, and the first of them then serves all
who wait; first as many as were here last time get a moment to come, so that a crowd becomes one
crowd and one who is alone never waits. Nobody leaves before the work is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from service.logs import get_logger

log = get_logger(__name__)
MAX_TOGETHER = 32
MOMENT_S = 0.01

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    """One item at the desk; `turn` is set when it is done, or when its owner is to serve."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.is_done = False
        self.turn = threading.Event()


class Desk(Generic[Item, Result]):
    """Thread-safe; one per process. `work` gets the items and gives a result for each, or null."""

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | None]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)
        self._waiting: list[_Ticket[Item, Result]] = []
        self._is_served = False
        self._crowd = 1  # who was here last time, served or waiting

    def bring(self, item: Item) -> Result | None:
        """Have the item done; null where the work gave nothing for it, or failed as a whole."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
            if not self._is_served:
                self._is_served = True
                ticket.turn.set()
            elif len(self._waiting) >= self._crowd:
                self._came.notify()
        ticket.turn.wait()
        if not ticket.is_done:
            self._serve()
        return ticket.result

    def _serve(self) -> None:
        with self._lock:
            self._came.wait_for(lambda: len(self._waiting) >= self._crowd, MOMENT_S)
            batch = self._waiting[:MAX_TOGETHER]
            del self._waiting[:MAX_TOGETHER]
        try:
            results = self._work([ticket.item for ticket in batch])
            for ticket, result in zip(batch, results, strict=True):
                ticket.result = result
        except Exception as error:
            log.warning("not done together", items=len(batch), error=type(error).__name__)
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[_Ticket[Item, Result]]) -> None:
        with self._lock:
            successors = self._waiting[:1]
            self._crowd = len(batch) + len(self._waiting)
            self._is_served = bool(successors)
        for ticket in batch:
            ticket.is_done = True
        for ticket in (*successors, *batch):
            ticket.turn.set()
