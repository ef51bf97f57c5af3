"""Batches: queued deliveries of one notification and lane, cut into units that a worker claims."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from service.db import Moment, utcnow
from service.models import Batch, DestinationKind, Notification
from service.tasks import Doorbell, Queue, Task

BATCH_SIZE = 1_000

TASK_OF = {
    DestinationKind.EMAIL: Task.EMAIL_BATCH,
    DestinationKind.CHAT: Task.CHAT_BATCH,
}
BULK_QUEUE = {
    DestinationKind.EMAIL: Queue.EMAIL,
    DestinationKind.CHAT: Queue.CHAT,
}

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


def cut_batches(
    session: Session, notification: Notification, lower: int, upper: int
) -> list[Batch]:
    """Give every queued delivery of a key range a batch; a second run finds nothing left.

    A batch keeps the priority of its notification for its whole life.
    """
    keys = {"notification": notification.id, "lower": lower, "upper": upper}
    batches = []
    for kind, lane, count in session.execute(LANES, keys).all():
        for _ in range(-(-count // BATCH_SIZE)):
            batch = new_batch(notification, DestinationKind(kind), lane)
            session.add(batch)
            session.flush()
            session.execute(
                FILL, {**keys, "batch": batch.id, "kind": kind, "lane": lane, "size": BATCH_SIZE}
            )
            batches.append(batch)
    return batches


def new_batch(notification: Notification, kind: DestinationKind, lane: str) -> Batch:
    """A batch that is due now, on the queue that its notification's priority asks for."""
    queue = Queue.URGENT if notification.is_urgent else BULK_QUEUE[kind]
    if notification.kind == "service":
        queue = Queue.TRANSACTIONAL
    return Batch(
        notification_id=notification.id, kind=kind, lane=lane, queue=queue, due_at=utcnow()
    )


def ring_batch(doorbell: Doorbell, batch: Batch) -> bool:
    """Ring for a batch after its transaction has committed."""
    return doorbell.ring(TASK_OF[DestinationKind(batch.kind)], batch.id, Queue(batch.queue))
