"""Many at once: one thread takes parcels and answers them, a crowd of others sends.

Who waits for a slow or dead channel gives its place to another, so nobody else waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue

from service.ledger.lease import LeaseLost
from service.ledger.outcome import Outcome
from workers.courier import Courier, FullError, PeerAwayError
from workers.one_by_one import Send, outcome_of
from workers.parcel import NotNowError, Parcel
from workers.watchdog import is_ending

AT_ONCE = 32  # sends that get their answers soon
MOST = 64  # with those that wait for one; `service.ledger.lease.WINDOW` goes by it
NO_THREAD_S = 5.0  # until a machine that has no thread to give is asked again
SLOW_S = 1.0  # a send that takes longer gives its place to another


class Crowd:
    """Sends what a courier has. Used once, by one thread; each send has a thread to itself."""

    def __init__(
        self, prepared: Callable[[], Send], *, is_stopping: Callable[[], bool] = is_ending
    ) -> None:
        """`prepared` gives what sends a parcel of the slice that was read last, whatever is read
        after it. `is_stopping`: whether no more may be begun."""
        self._prepared, self._is_stopping = prepared, is_stopping
        self._work: SimpleQueue[tuple[Parcel, Send] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Parcel, Outcome | BaseException] | None] = SimpleQueue()
        self._begun: dict[int, float] = {}  # by destination, when
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None  # why nothing more is begun

    def run(self, courier: Courier) -> None:
        """Send until there is nothing more. All that was begun is answered before this ends.

        Raises:
            PeerAwayError: nothing more can be sent now; what has no answer has not left.
            LeaseLost, JournalError: as `Parcel.on_wire` does.
        """
        self._courier = courier
        courier.call_when_settled(self._wake)
        try:
            self._begin()
            while self._begun:
                self._hear()
                self._begin()
        finally:
            for _ in self._threads:
                self._work.put(None)
            for thread in self._threads:
                thread.join()
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        self._done.put(None)

    def _begin(self) -> None:
        """Begin as many as may be."""
        while self._error is None and self._has_place():
            if self._is_stopping():
                self._fail(FullError("the worker is stopping", 0.0))
                break
            try:
                parcel = self._courier.take()
            except Exception as error:
                self._fail(error)
                break
            if parcel is None:
                break
            self._begun[parcel.destination_id] = time.monotonic()
            if not self._has_thread():
                del self._begun[parcel.destination_id]
                self._courier.put_back(parcel)
                self._fail(FullError("no thread is to be had", NO_THREAD_S))
                break
            self._work.put((parcel, self._prepared()))

    def _has_thread(self) -> bool:
        """One for each send; where no more are to be had, those that there are take turns."""
        if len(self._begun) > len(self._threads):
            # What it logs is about the same request.
            serve = partial(copy_context().run, self._serve)
            thread = threading.Thread(target=serve, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return bool(self._threads)
            self._threads.append(thread)
        return True

    def _has_place(self) -> bool:
        return len(self._begun) < AT_ONCE or (
            len(self._begun) < MOST and len(self._quick()) < AT_ONCE
        )

    def _quick(self) -> list[float]:
        """When those were begun that are not slow yet, the first of them first."""
        slow = time.monotonic() - SLOW_S
        return [at for at in self._begun.values() if at > slow]

    def _hear(self) -> None:
        """Wait until something happens, and answer all that has ended."""
        wait_s = None
        if self._error is None and AT_ONCE <= len(self._begun) < MOST and (quick := self._quick()):
            wait_s = max(quick[0] + SLOW_S - time.monotonic(), 0.0)  # one gives its place then
        try:
            found = self._done.get(timeout=wait_s)
            while True:
                if found is not None:
                    self._answer(*found)
                found = self._done.get_nowait()
        except Empty:
            pass

    def _answer(self, parcel: Parcel, said: Outcome | BaseException) -> None:
        del self._begun[parcel.destination_id]
        try:
            if isinstance(said, Outcome):
                self._courier.answer(parcel, said)
            else:
                self._courier.put_back(parcel)
                if not isinstance(said, NotNowError):  # the next look finds what else is paused
                    self._fail(said)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Begin nothing more. What was said of the batch as a whole counts most, and of waits the
        longest."""
        before = self._error
        if before is None or _weight(error) > _weight(before):
            self._error = error

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            parcel, send = work
            said: Outcome | BaseException
            try:
                said = outcome_of(parcel, send)
            except BaseException as error:  # raised again where the batch is
                said = error
            self._done.put((parcel, said))


def _weight(error: BaseException) -> tuple[int, float]:
    if isinstance(error, PeerAwayError):
        return int(not isinstance(error, FullError)), error.retry_after_s or 0.0
    return 2 + isinstance(error, LeaseLost), 0.0
