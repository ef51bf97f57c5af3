"""Batches: queued deliveries of one notification and lane, cut into units that a worker claims."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Self

from sqlalchemy import bindparam, insert, text
from sqlalchemy.orm import Session

from service.db import Moment, table_of, utcnow
from service.ledger.layout import BATCH_SIZE, Lane, Layout
from service.models import Batch, DestinationKind, Notification
from service.tasks import Doorbell, Priority, Queue, Task

TASK_OF = {
    DestinationKind.EMAIL: Task.EMAIL_BATCH,
    DestinationKind.CHAT: Task.CHAT_BATCH,
    DestinationKind.WEBSUB: Task.WEBSUB_BATCH,
}
BULK_QUEUE = {
    DestinationKind.EMAIL: Queue.EMAIL,
    DestinationKind.CHAT: Queue.CHAT,
    DestinationKind.WEBSUB: Queue.WEBSUB,
}

PART, MOST = 16, 8  # of those rung before, and batches, that one message may hold
FIRST = 32  # batches of a notification that pass those of others in their queue

# How many each batch got that was laid out, a walk along `ix_delivery_batch_id`. Those who may not
# be told count too: they have a place in the batch, and nobody sends to them.
FOUND = text("""
    SELECT batch_id, count(*) FROM delivery
    WHERE batch_id >= :first AND batch_id <= :last GROUP BY batch_id ORDER BY batch_id
""")

# What does not fit into a batch that was laid out is cut like all that has none.
TAKE_OUT = text("""
    UPDATE delivery SET batch_id = NULL
    WHERE notification_id = :notification AND destination_id IN (
        SELECT destination_id FROM delivery
        WHERE notification_id = :notification AND destination_id > :lower
          AND destination_id <= :upper AND batch_id = :batch
        ORDER BY destination_id DESC LIMIT :many)
""")

LANES = text("""
    SELECT d.kind, d.lane, count(*)
    FROM delivery v JOIN destination d ON d.id = v.destination_id
    WHERE v.notification_id = :notification AND v.destination_id > :lower
      AND v.destination_id <= :upper AND v.state = 0 AND v.batch_id IS NULL
    GROUP BY d.kind, d.lane ORDER BY d.kind, d.lane
""")

FILL = text("""
    UPDATE delivery SET batch_id = :batch
    WHERE notification_id = :notification AND destination_id IN (
        SELECT v.destination_id
        FROM delivery v JOIN destination d ON d.id = v.destination_id
        WHERE v.notification_id = :notification AND v.destination_id > :lower
          AND v.destination_id <= :upper AND v.state = 0 AND v.batch_id IS NULL
          AND d.kind = :kind AND d.lane = :lane
        ORDER BY v.destination_id LIMIT :size)
""")

# Ends a notification whose last delivery has been settled.
CLOSE_ONE = text("""
    UPDATE notification SET state = 'done', done_at = :now
    WHERE id = :notification AND state = 'planned'
      AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.notification_id = notification.id
                      AND b.state < 2)
      AND NOT EXISTS (SELECT 1 FROM delivery v WHERE v.notification_id = notification.id
                      AND v.state = 2)
""").bindparams(bindparam("now", type_=Moment()))


class Cutter:
    """Gives every queued delivery of one key range a batch; a second run finds nothing left.

    A batch keeps the priority of its notification for its whole life.
    """

    def __init__(
        self, session: Session, notification: Notification, lower: int, upper: int
    ) -> None:
        self._session, self._notification = session, notification
        self._keys = {"notification": notification.id, "lower": lower, "upper": upper}
        self.batches: list[Batch] = []
        self.counts: Counter[Lane] = Counter()

    def cut(self, layout: Layout, planned: int) -> None:
        """Make the batches that were laid out and have rows, then those of the rows without one.

        `planned` is the number of rows that the range has just got.
        """
        laid = 0
        for batch_id, count in self._session.execute(FOUND, layout.numbers).all():
            kept = min(count, BATCH_SIZE)
            if count > kept:
                taken = {"batch": batch_id, "many": count - kept}
                self._session.execute(TAKE_OUT, {**self._keys, **taken})
            self._make(layout.lane_of[batch_id], kept).id = batch_id
            laid += kept
        self._insert()
        if laid < planned:
            self._cut_rest()

    def _cut_rest(self) -> None:
        for kind, lane, count in self._session.execute(LANES, self._keys).all():
            for start in range(0, count, BATCH_SIZE):
                batch = self._make((kind, lane), min(BATCH_SIZE, count - start))
                self._session.add(batch)
                self._session.flush()
                values = {"batch": batch.id, "kind": kind, "lane": lane, "size": BATCH_SIZE}
                self._session.execute(FILL, {**self._keys, **values})

    def _insert(self) -> None:
        """Those that have their number already; without the session's bookkeeping for each."""
        names = ("id", "notification_id", "kind", "lane", "queue", "due_at")
        if self.batches:
            values = [{name: getattr(batch, name) for name in names} for batch in self.batches]
            self._session.execute(insert(table_of(Batch)), values)

    def _make(self, lane: Lane, count: int) -> Batch:
        kind, name = lane
        batch = new_batch(self._notification, DestinationKind(kind), name)
        self.batches.append(batch)
        self.counts[lane] += count
        return batch


def new_batch(notification: Notification, kind: DestinationKind, lane: str) -> Batch:
    """A batch that is due now, on the queue that its notification's priority asks for."""
    queue = Queue.URGENT if notification.is_urgent else BULK_QUEUE[kind]
    # No stranger's slow callback keeps a sign-in link waiting.
    if notification.kind == "service" and kind != DestinationKind.WEBSUB:
        queue = Queue.TRANSACTIONAL
    return Batch(
        notification_id=notification.id, kind=kind, lane=lane, queue=queue, due_at=utcnow()
    )


def ring_batch(doorbell: Doorbell, batch: Batch) -> bool:
    """Ring for a batch after its transaction has committed."""
    return doorbell.ring(TASK_OF[DestinationKind(batch.kind)], batch.id, Queue(batch.queue))


def ring_batch_soon(doorbell: Doorbell, batch: Batch) -> None:
    """The same, left to the bell's own thread: whoever asked waits no longer for it than others."""
    doorbell.ring_soon(TASK_OF[DestinationKind(batch.kind)], batch.id, Queue(batch.queue))


class Rings:
    """Rings for the batches of one notification, range by range.

    A message costs as much as planning some hundred deliveries, so those of a large notification
    hold several batches of a lane; yet few of what there is, so that all workers have some.
    Leaving the context rings for the last ones.
    """

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell, self._rung = doorbell, 0
        self._waiting: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)

    def add(self, batches: Iterable[Batch]) -> None:
        """Ring for those of a range, after its transaction has committed; what would not fill a
        message waits for the next range."""
        for batch in batches:
            ids = self._waiting[batch.kind, batch.lane, batch.queue]
            ids.append(batch.id)
            if len(ids) >= min(self._rung // PART, MOST):
                self._send(batch.kind, batch.queue, ids)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for (kind, _lane, queue), ids in self._waiting.items():
            if ids:
                self._send(kind, queue, ids)

    def _send(self, kind: str, queue: str, ids: list[int]) -> None:
        task = TASK_OF[DestinationKind(kind)]
        priority = Priority.FIRST if self._rung < FIRST else Priority.BULK
        self._doorbell.ring_once(task, tuple(ids), Queue(queue), priority)
        self._rung += len(ids)
        ids.clear()
