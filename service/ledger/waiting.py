"""What waits: for each stage the query of rows whose doorbell should have rung, and did not.

`rung_at` is when somebody last rang for a row; a query takes rows whose ring is older than the
stage's patience, notes that they are rung for now, and gives them the queue, and so the priority,
that they always had. It passes by what somebody has locked: waiting for one row while it holds
others, it would deadlock with whoever takes several too, as a withdrawal does. Two sweepers at once
find each row once, because the second one reads the first one's `rung_at`.

Rows of a queue that is full are left out: it holds enough doorbells to keep its workers busy until
the next sweep, and ringing again for a thousand batches that wait their turn for an hour would only
pile up messages that find nothing to do. Their `rung_at` stays as it is, so they are found at once
when the queue has been emptied, be it by FLUSHALL.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, false, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.ledger.attempts import MAX_BATCH_ATTEMPTS, MAX_CLASSIFY_ATTEMPTS
from service.ledger.batches import TASK_OF
from service.models import (
    Article,
    Batch,
    BatchState,
    DestinationKind,
    InboxEvent,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    Verdict,
)
from service.models.notification import IS_UNFINISHED
from service.tasks import HOME, Queue, Task

LIMIT = 200  # rows a stage and sweep: a flushed broker is refilled in steps
PRESSING = (Queue.TRANSACTIONAL, Queue.URGENT)


@dataclass(frozen=True)
class Ring:
    """A doorbell that did not ring. Whoever takes the row moves `mark`, if the row has one."""

    task: Task
    row_id: int
    queue: Queue
    mark: datetime | None = None


def waiting_revisions(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """Received, never classified."""
    waiting = (
        select(Revision.id)
        .join(Article, Article.id == Revision.article_id)
        .where(Revision.state == RevisionState.RECEIVED)
        .where(Revision.attempts < MAX_CLASSIFY_ATTEMPTS)
        .where(Revision.rung_at < rung_before)
        .where(*_has_room(Article.is_urgent, Task.CLASSIFY_REVISION, full))
        .order_by(Article.is_urgent.desc(), Revision.rung_at)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True, of=Revision)
    )
    found = session.execute(
        update(Revision)
        .where(Revision.id.in_(waiting))
        .values(rung_at=now)
        .returning(Revision.id, Revision.article_id)
        .execution_options(synchronize_session=False)
    ).all()
    urgent = _urgent_articles(session, [article_id for _, article_id in found])
    return [
        _ring(Task.CLASSIFY_REVISION, revision_id, is_urgent=article_id in urgent)
        for revision_id, article_id in found
    ]


def waiting_events(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """Events that wait for the CMS's own words, or to be read again."""
    if HOME[Task.ENRICH_EVENT] in full:
        return []
    waiting = (
        select(InboxEvent.id)
        .where(InboxEvent.verdict == Verdict.PENDING)
        .where(InboxEvent.due_at <= now, InboxEvent.rung_at < rung_before)
        .order_by(InboxEvent.due_at)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = session.execute(
        update(InboxEvent)
        .where(InboxEvent.id.in_(waiting))
        .values(rung_at=now)
        .returning(InboxEvent.id, InboxEvent.due_at)
        .execution_options(synchronize_session=False)
    ).all()
    home = HOME[Task.ENRICH_EVENT]
    return [Ring(Task.ENRICH_EVENT, inbox_id, home, due_at) for inbox_id, due_at in found]


def waiting_plans(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """Released or half planned, and nobody at it."""
    waiting = (
        select(Notification.id)
        .where(Notification.state.in_((NotificationState.RELEASED, NotificationState.PLANNING)))
        .where(IS_UNFINISHED, Notification.rung_at < rung_before)
        .where(Notification.is_urgent | ~_is_crowded(full))
        .order_by(Notification.is_urgent.desc(), Notification.rung_at)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = session.execute(
        update(Notification)
        .where(Notification.id.in_(waiting))
        .values(rung_at=now)
        .returning(Notification.id, Notification.is_urgent, Notification.kind)
        .execution_options(synchronize_session=False)
    ).all()
    return [
        Ring(Task.PLAN_NOTIFICATION, row_id, Queue.DIGEST)
        if kind == NotificationKind.DIGEST
        else _ring(Task.PLAN_NOTIFICATION, row_id, is_urgent=urgent)
        for row_id, urgent, kind in found
    ]


def waiting_batches(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """Ready, or leased by somebody whose lease has ended."""
    is_bulk = case((Batch.queue.in_(PRESSING), 0), else_=1)
    waiting = (
        select(Batch.id)
        .where(Batch.state < BatchState.DONE, Batch.due_at <= now)
        .where(Batch.attempts < MAX_BATCH_ATTEMPTS)
        .where(Batch.rung_at < rung_before, Batch.queue.not_in(full))
        .order_by(is_bulk, Batch.rung_at)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = session.execute(
        update(Batch)
        .where(Batch.id.in_(waiting))
        .values(rung_at=now)
        .returning(Batch.id, Batch.kind, Batch.queue, Batch.due_at)
        .execution_options(synchronize_session=False)
    ).all()
    return [
        Ring(TASK_OF[DestinationKind(kind)], batch_id, Queue(queue), due_at)
        for batch_id, kind, queue, due_at in found
    ]


def ring_for_batch(batch: Batch) -> Ring:
    return Ring(TASK_OF[DestinationKind(batch.kind)], batch.id, Queue(batch.queue), batch.due_at)


def _has_room(
    is_urgent: InstrumentedAttribute[bool], task: Task, full: Collection[Queue]
) -> list[ColumnElement[bool]]:
    """Leave out those whose home is full; urgent ones pass whatever fills their queue."""
    return [is_urgent.is_(True)] if HOME[task] in full else []


def _is_crowded(full: Collection[Queue]) -> ColumnElement[bool]:
    """A plan whose queue is full: digests have one of their own."""
    is_digest = Notification.kind == NotificationKind.DIGEST
    homes = ((Queue.DIGEST, is_digest), (HOME[Task.PLAN_NOTIFICATION], ~is_digest))
    return or_(false(), *(is_there for queue, is_there in homes if queue in full))


def _urgent_articles(session: Session, article_ids: list[int]) -> set[int]:
    if not article_ids:
        return set()
    return set(
        session.scalars(
            select(Article.id).where(Article.id.in_(article_ids), Article.is_urgent.is_(True))
        )
    )


def _ring(task: Task, row_id: int, *, is_urgent: bool) -> Ring:
    return Ring(task, row_id, Queue.URGENT if is_urgent else HOME[task])
