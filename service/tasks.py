"""Task names, queues, and the doorbell: how a process asks the workers to look at a row.

The database is the truth and a task is only a doorbell (design, invariant 1). So ringing never
raises and never waits long: when the broker is away, the sweeper finds the row.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum, StrEnum

from amqp.exceptions import AMQPError, PreconditionFailed
from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from service.brokers import Broker, StrangeQueues
from service.settings import Settings


class Queue(StrEnum):
    """From the most to the least pressing (design, section 6)."""

    TRANSACTIONAL = "transactional"
    URGENT = "urgent"
    INGEST = "ingest"
    FANOUT = "fanout"
    EMAIL = "email"
    CHAT = "chat"
    WEBSUB = "websub"
    DIGEST = "digest"
    PULL = "pull"
    MAINTENANCE = "maintenance"


class Task(StrEnum):
    """Names under which the workers register their tasks.

    Stages take one row's id; chores, which the scheduler rings for, take nothing.
    """

    CLASSIFY_REVISION = "classify.revision"
    ENRICH_EVENT = "enrich.event"
    PLAN_NOTIFICATION = "plan.notification"
    EMAIL_BATCH = "email.batch"
    CHAT_BATCH = "chat.batch"
    WEBSUB_BATCH = "websub.batch"
    PULL_SOURCE = "pull.source"
    REFIT_MODEL = "model.refit"
    POLL_MAILBOX = "bounces.poll"
    POLL_TELEGRAM = "chat.poll"
    RUN_JOB = "job.run"
    RETAIN = "retain.expired"
    AUDIT_LEDGER = "audit.ledger"
    COUNT_TALLIES = "count.tallies"
    COUNT_READERS = "count.readers"
    CLOSE_MONTHS = "feeds.close"
    WATCH_CANARIES = "canary.watch"


HOME: dict[Task, Queue] = {
    Task.CLASSIFY_REVISION: Queue.INGEST,
    Task.ENRICH_EVENT: Queue.PULL,
    Task.PLAN_NOTIFICATION: Queue.FANOUT,
    Task.EMAIL_BATCH: Queue.EMAIL,
    Task.CHAT_BATCH: Queue.CHAT,
    Task.WEBSUB_BATCH: Queue.WEBSUB,
    Task.PULL_SOURCE: Queue.PULL,
    Task.POLL_MAILBOX: Queue.PULL,
    Task.POLL_TELEGRAM: Queue.PULL,
    Task.REFIT_MODEL: Queue.MAINTENANCE,
    Task.RUN_JOB: Queue.MAINTENANCE,
    Task.RETAIN: Queue.MAINTENANCE,
    Task.AUDIT_LEDGER: Queue.MAINTENANCE,
    Task.COUNT_TALLIES: Queue.MAINTENANCE,
    Task.COUNT_READERS: Queue.MAINTENANCE,
    Task.CLOSE_MONTHS: Queue.MAINTENANCE,
    Task.WATCH_CANARIES: Queue.PULL,
}


class Priority(IntEnum):
    """Of a message among those of its queue, the lowest number first (`service.brokers`).

    What decides who is told, and the first batches of each notification, pass the many batches of
    another one. On Redis a worker looks at all its queues for one number before it looks for the
    next; RabbitMQ serves each queue by itself.
    """

    STAGE = 0
    FIRST = 3
    BULK = 6


BATCHES = (Task.EMAIL_BATCH, Task.CHAT_BATCH, Task.WEBSUB_BATCH)

# One entry is one worker process: its queues in order of priority, its pool, its size.
# Processor work forks; waiting for the network takes threads (reliability guide, section 2).
WORKERS: dict[str, tuple[tuple[Queue, ...], str, int]] = {
    "express": ((Queue.TRANSACTIONAL, Queue.URGENT), "threads", 4),
    "stages": ((Queue.INGEST, Queue.FANOUT, Queue.DIGEST, Queue.MAINTENANCE), "prefork", 2),
    "email": ((Queue.EMAIL,), "threads", 4),
    # Six of them at most push feeds at a time (`workers.websub`), two send to a chat service: five
    # slow ones leave nobody waiting.
    "chat": ((Queue.CHAT, Queue.WEBSUB), "threads", 16),
    "fetch": ((Queue.PULL,), "threads", 2),
}

BREAKER_S = 5.0  # after a failure nobody tries again for this long: a frozen Redis costs one wait
RING_EVERY_S = 0.02  # rings of the same moment go in one message
MAX_ROWS = 20  # of one message: a worker that dies gives back no more
MAX_WAITING = 10_000  # rings that are not sent yet; the sweeper finds what is beyond
WEB_TIMEOUT_S = 0.3  # a CMS gives up after 2 s
WORKER_TIMEOUT_S = 5.0
CLOSE_S = 2.0  # how long rings that wait may hold up the end of a process


class Doorbell:
    """Rings for rows. Thread-safe; one per process."""

    def __init__(self, settings: Settings, timeout_s: float = WEB_TIMEOUT_S) -> None:
        self._broker = Broker.of(settings)
        self._celery = Celery("tellal", broker=self._broker.url, set_as_current=False)
        self._celery.conf.update(
            broker_transport_options=self._broker.ringing(timeout_s),
            broker_connection_timeout=timeout_s,
            task_queues=[self._broker.queue(queue.value) for queue in Queue],
            task_ignore_result=True,
            task_serializer="json",
            task_publish_retry=False,
        )
        self._strange = StrangeQueues()
        self._quiet_until = 0.0
        self._lock = threading.Lock()
        self._waiting: list[tuple[Task, Queue, int]] = []
        self._wake = threading.Event()
        self._ringer: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_broken(self) -> bool:
        """True while rings are not even tried, because the last one failed a moment ago."""
        with self._lock:
            return time.monotonic() < self._quiet_until

    @property
    def troubles(self) -> list[str]:
        """What is wrong with queues of a broker that answers, in sentences."""
        return self._strange.troubles

    def ring(self, task: Task, row_id: int, queue: Queue | None = None) -> bool:
        """Send the task; return whether the broker took it. Never raises, never retries."""
        return self._send(task, queue or HOME[task], (row_id,))

    def ring_chore(self, task: Task) -> bool:
        """Ring for a chore before the scheduler does; as `ring` otherwise."""
        return self._send(task, HOME[task], ())

    def ring_once(
        self, task: Task, row_ids: Sequence[int], queue: Queue, priority: Priority
    ) -> bool:
        """Send one task for several rows, which one worker takes in turn; as `ring` otherwise."""
        return self._send(task, queue, tuple(row_ids), priority)

    def lengths(self) -> dict[Queue, int] | None:
        """How many rings each queue holds that nobody has taken; None where the broker is away.

        Asked by declaring the queue, which changes nothing and works with any broker: of Redis,
        kombu adds up the lists that hold its keys. A queue that is not ours is left out.
        """
        if self.is_broken:
            return None
        try:
            with self._celery.pool.acquire(block=True, timeout=CLOSE_S) as connection:
                counts = {queue: self._length(connection, queue) for queue in Queue}
        except Exception as error:
            self._rest(error)
            return None
        return {queue: count for queue, count in counts.items() if count is not None}

    def _length(self, connection: Connection, queue: Queue) -> int | None:
        try:
            count: int = connection.default_channel.queue_declare(
                queue=queue.value,
                durable=True,
                auto_delete=False,
                arguments=self._broker.arguments,
            ).message_count
        except PreconditionFailed as error:
            self._strange.note(queue, error)
            return None
        self._strange.forget(queue)
        return count

    def ring_soon(self, task: Task, row_id: int, queue: Queue | None = None) -> None:
        """Leave the ring to a thread of the bell's own: whoever answers a CMS waits for no Redis.

        Rings that come together become one message, which is most of what they cost.
        """
        with self._lock:
            if len(self._waiting) >= MAX_WAITING or self._is_closed:
                return
            self._waiting.append((task, queue or HOME[task], row_id))
            if self._ringer is None:
                self._ringer = threading.Thread(target=self._ring_waiting, daemon=True)
                self._ringer.start()
        self._wake.set()

    def close(self) -> None:
        """Send what waits, and hang up."""
        with self._lock:
            self._is_closed, ringer = True, self._ringer
        self._wake.set()
        if ringer is not None:
            ringer.join(CLOSE_S)
        self._celery.close()

    def _ring_waiting(self) -> None:
        while not self._is_closed or self._waiting:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            rows_of: defaultdict[tuple[Task, Queue], list[int]] = defaultdict(list)
            for task, queue, row_id in waiting:
                rows_of[task, queue].append(row_id)
            for (task, queue), rows in rows_of.items():
                for start in range(0, len(rows), MAX_ROWS):
                    self._send(task, queue, tuple(rows[start : start + MAX_ROWS]))
            time.sleep(RING_EVERY_S)

    def _send(
        self, task: Task, queue: Queue, row_ids: tuple[int, ...], priority: Priority | None = None
    ) -> bool:
        if self.is_broken or self._strange.is_resting(queue):
            return False
        if priority is None:
            priority = _usual(task, queue)
        try:
            self._celery.send_task(
                task,
                args=row_ids,
                queue=queue,
                retry=False,
                priority=self._broker.priority(priority),
            )
        except PreconditionFailed as error:
            self._strange.note(queue, error)
            return False
        except Exception as error:  # the thread that rings must outlive whatever a broker says
            self._rest(error)
            return False
        self._strange.forget(queue)
        return True

    def _rest(self, error: Exception) -> None:
        if not isinstance(error, OperationalError | RedisError | AMQPError | OSError):
            _log_broken_bell()
        with self._lock:
            self._quiet_until = time.monotonic() + BREAKER_S


def _usual(task: Task, queue: Queue) -> Priority:
    is_bulk = task in BATCHES and queue is not Queue.TRANSACTIONAL
    return Priority.BULK if is_bulk else Priority.STAGE


def _log_broken_bell() -> None:
    from service.logs import get_logger  # here: the command line must not load it with the names

    get_logger(__name__).exception("bell broke")
