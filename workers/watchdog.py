"""The watchdog of a worker: ends the process that has gone deaf, or has grown too large.

After Redis was away, Celery's consumer connects again and says so, and in some versions takes no
message any more (celery issues 8030, 8091, 9054 and 10205 tell of it); after a forked child was
killed, it has been seen to take messages and to begin none. Nothing inside shows it but this:
messages wait, in its queues or in its hands, it has a free slot, and it begins none. The process
then ends, and whoever keeps it running (the supervisor, the container's restart policy) starts a
new one. A Redis that does not answer is no deafness: nobody could hear then.

Celery replaces a forked child that has grown (`worker_max_memory_per_child`), but not a process
that works in threads; so the watchdog ends that one, after the tasks in hand.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from celery.worker import state

from service.logs import get_logger
from service.settings import Settings
from service.tasks import WORKER_TIMEOUT_S, Doorbell, Queue
from service.telemetry.beats import Beat, resident_bytes

log = get_logger(__name__)

LOOK_EVERY_S = 3.0
DEAF_LOOKS = 5  # in a row, 15 s; counted in looks, so that a process that was stopped is not blamed
GRACE_S = 30.0  # for tasks in hand; a deaf consumer may not even hear that it is to end
MOST_KB = 400_000  # of memory that is resident: what a process of Apprise's needs, twice over
EXIT_DEAF = 70


class Ear:
    """Tells from look to look whether the process has gone deaf."""

    def __init__(self) -> None:
        self._begun = 0
        self._vain_looks = 0

    def is_deaf(self, waiting: int, free: int, begun: int) -> bool:
        """Look once: messages that wait, slots that are free, tasks begun ever."""
        is_vain = waiting > 0 and free > 0 and begun == self._begun
        self._vain_looks = self._vain_looks + 1 if is_vain else 0
        self._begun = begun
        return self._vain_looks >= DEAF_LOOKS


class Watchdog(threading.Thread):
    """Looks every few seconds, in the parent where the worker forks, until it ends the process."""

    def __init__(
        self,
        waiting: Callable[[], int],
        slots: int,
        *,
        has_children: bool,
        end: Callable[[bool], None],
        beat: Beat | None = None,
    ) -> None:
        """`beat`: says that the process is alive, as long as it is not deaf."""
        super().__init__(name="watchdog", daemon=True)
        self._waiting, self._slots = waiting, slots
        self._has_children, self._end, self._beat = has_children, end, beat
        self._ear = Ear()

    def run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_EVERY_S):
            if is_ending():
                if self._beat is not None:
                    self._beat.stop()
                return  # it takes no more messages, and that is right
            if self._beat is not None:
                self._beat()
            # A task is active, and counts as one of all, once a child or thread has begun it.
            active, in_hand = len(state.active_requests), len(state.reserved_requests)
            waiting, free = self._waiting() + in_hand - active, self._slots - active
            if self._ear.is_deaf(waiting, free, state.all_total_count[0]):
                log.error("deaf", free_slots=free, looks=DEAF_LOOKS)
                self._end(True)
                return
            size_kb = resident_bytes() // 1024
            if not self._has_children and size_kb > MOST_KB:
                log.warning("too large", size_kb=size_kb)
                self._end(False)
                return


def watch(consumer: Any, settings: Settings) -> None:
    """Start the watchdog of a worker that is ready."""
    doorbell = Doorbell(settings, WORKER_TIMEOUT_S)
    queues = [Queue(name) for name in consumer.app.amqp.queues.consume_from]

    def waiting() -> int:
        lengths = doorbell.lengths() or {}
        return sum(lengths.get(queue, 0) for queue in queues)

    controller = consumer.controller
    has_children = controller.pool_cls.__module__.endswith("prefork")
    Watchdog(
        waiting,
        controller.concurrency,
        has_children=has_children,
        end=end_this_process,
        beat=Beat(settings, str(consumer.hostname).partition("@")[0]),
    ).start()


def is_ending() -> bool:
    """True once Celery has been told to stop, by a signal or an error."""
    asked = (state.should_stop, state.should_terminate)  # exit codes, and 0 is one
    return any(code is not None and code is not False for code in asked)


def end_this_process(is_deaf: bool) -> None:
    """Stop in order, as the supervisor would stop it; a deaf one may need to be forced.

    What is in hand then is left as by a kill, for which leases and journals are made.
    """
    os.kill(os.getpid(), signal.SIGTERM)
    if is_deaf:
        threading.Event().wait(GRACE_S)
        log.error("deaf, and does not end in order")
        os._exit(EXIT_DEAF)
