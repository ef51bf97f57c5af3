"""The sweep: for each stage one query of what is waiting although its doorbell should have rung.

`rung_at` is when somebody last rang for a row; a query takes rows whose ring is older than the
stage's age limit and rings again, with the queue, and so the priority, that they always had. It
passes by what somebody has locked: waiting for one row while it holds others, it would deadlock
with whoever takes several too, as a withdrawal does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import bindparam, literal, select, text, update
from sqlalchemy.orm import Session

from service.db import Database, Moment
from service.ledger.batches import CLOSE_ONE, TASK_OF, new_batch
from service.ledger.policy import STANDARD, Policy
from service.ledger.replay import replay_dead
from service.models import (
    Article,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    InboxEvent,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    TopicLabel,
    Verdict,
)
from service.tasks import HOME, Queue, Task

LIMIT = 200  # rows a stage and sweep: a flushed broker is refilled in steps


@dataclass(frozen=True)
class Ring:
    """A doorbell that did not ring."""

    task: Task
    row_id: int
    queue: Queue


def waiting_revisions(session: Session, now: datetime, rung_before: datetime) -> list[Ring]:
    """Received, never classified."""
    found = session.execute(
        update(Revision)
        .where(
            Revision.id.in_(
                select(Revision.id)
                .where(Revision.state == RevisionState.RECEIVED)
                .where(Revision.rung_at < rung_before)
                .order_by(Revision.rung_at)
                .limit(LIMIT)
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
        .values(rung_at=now)
        .returning(Revision.id, Revision.article_id)
        .execution_options(synchronize_session=False)
    ).all()
    urgent = _urgent_articles(session, [article_id for _, article_id in found])
    return [
        _ring(Task.CLASSIFY_REVISION, revision_id, is_urgent=article_id in urgent)
        for revision_id, article_id in found
    ]


def waiting_events(session: Session, now: datetime, rung_before: datetime) -> list[Ring]:
    """Events that wait for the CMS's own words, or to be read again."""
    found = session.scalars(
        update(InboxEvent)
        .where(
            InboxEvent.id.in_(
                select(InboxEvent.id)
                .where(InboxEvent.verdict == Verdict.PENDING)
                .where(InboxEvent.due_at <= now, InboxEvent.rung_at < rung_before)
                .order_by(InboxEvent.due_at)
                .limit(LIMIT)
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
        .values(rung_at=now)
        .returning(InboxEvent.id)
        .execution_options(synchronize_session=False)
    ).all()
    return [_ring(Task.ENRICH_EVENT, inbox_id, is_urgent=False) for inbox_id in found]


def due_releases(session: Session, now: datetime, review_wait: timedelta) -> list[int]:
    """Held notifications whose time has come; `publish.release` decides about each.

    Those that wait for review are left out, so that many of them hold up no other.
    """
    has_topic = (
        select(literal(1))
        .where(TopicLabel.revision_id == Revision.id)
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .exists()
    )
    needs_no_topic = Notification.kind == NotificationKind.CORRECTION
    waited = Notification.is_urgent | (Notification.created_at <= now - review_wait)
    return list(
        session.scalars(
            select(Notification.id)
            .join(Article, Article.id == Notification.article_id)
            .join(Revision, Revision.id == Article.revision_id)
            .where(Notification.state == NotificationState.HELD)
            .where(Notification.release_at <= now)
            .where(Revision.state == RevisionState.CLASSIFIED)
            .where(needs_no_topic | has_topic | waited)
            .order_by(Notification.is_urgent.desc(), Notification.release_at)
            .limit(LIMIT)
        )
    )


def waiting_plans(session: Session, now: datetime, rung_before: datetime) -> list[Ring]:
    """Released or half planned, and nobody at it."""
    found = session.execute(
        update(Notification)
        .where(
            Notification.id.in_(
                select(Notification.id)
                .where(
                    Notification.state.in_((NotificationState.RELEASED, NotificationState.PLANNING))
                )
                .where(Notification.rung_at < rung_before)
                .order_by(Notification.rung_at)
                .limit(LIMIT)
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
        .values(rung_at=now)
        .returning(Notification.id, Notification.is_urgent)
        .execution_options(synchronize_session=False)
    ).all()
    return [_ring(Task.PLAN_NOTIFICATION, row_id, is_urgent=urgent) for row_id, urgent in found]


def waiting_batches(session: Session, now: datetime, rung_before: datetime) -> list[Ring]:
    """Ready, or leased by somebody whose lease has ended."""
    found = session.execute(
        update(Batch)
        .where(
            Batch.id.in_(
                select(Batch.id)
                .where(Batch.state < BatchState.DONE, Batch.due_at <= now)
                .where(Batch.rung_at < rung_before)
                .order_by(Batch.rung_at)
                .limit(LIMIT)
                .with_for_update(skip_locked=True, key_share=True)
            )
        )
        .values(rung_at=now)
        .returning(Batch.id, Batch.kind, Batch.queue)
        .execution_options(synchronize_session=False)
    ).all()
    return [
        Ring(TASK_OF[DestinationKind(kind)], batch_id, Queue(queue))
        for batch_id, kind, queue in found
    ]


def due_deferrals(session: Session, now: datetime, _rung_before: datetime) -> list[Ring]:
    """Deferred deliveries that are due, put into batches again."""
    due = session.execute(
        select(Delivery.notification_id, Destination.kind, Destination.lane)
        .join(Destination, Destination.id == Delivery.destination_id)
        .where(Delivery.state == DeliveryState.DEFERRED, Delivery.due_at <= now)
        .distinct()
        .limit(LIMIT)
    ).all()
    rings = []
    for notification_id, kind, lane in due:
        notification = session.get_one(Notification, notification_id)
        batch = new_batch(notification, DestinationKind(kind), lane)
        session.add(batch)
        session.flush()
        session.execute(
            REQUEUE,
            {
                "batch": batch.id,
                "notification": notification_id,
                "kind": kind,
                "lane": lane,
                "now": now,
                "size": 1_000,
            },
        )
        rings.append(_ring_batch(batch))
    return rings


REQUEUE = text("""
    UPDATE delivery SET state = 0, batch_id = :batch, due_at = NULL
    WHERE notification_id = :notification AND state = 2 AND destination_id IN (
        SELECT v.destination_id
        FROM delivery v JOIN destination d ON d.id = v.destination_id
        WHERE v.notification_id = :notification AND v.state = 2 AND v.due_at <= :now
          AND d.kind = :kind AND d.lane = :lane
        ORDER BY v.destination_id LIMIT :size)
""").bindparams(bindparam("now", type_=Moment()))


def close_finished(session: Session, now: datetime) -> None:
    """Notifications all of whose batches are done, should their last worker have died there."""
    candidates = session.scalars(
        select(Notification.id)
        .where(Notification.state == NotificationState.PLANNED)
        .where(
            ~select(literal(1))
            .where(Batch.notification_id == Notification.id, Batch.state < BatchState.DONE)
            .exists()
        )
        .where(
            ~select(literal(1))
            .where(Delivery.notification_id == Notification.id)
            .where(Delivery.state == DeliveryState.DEFERRED)
            .exists()
        )
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    for notification_id in candidates:
        session.execute(CLOSE_ONE, {"notification": notification_id, "now": now})


def replay_journals(
    db: Database, folder: Path, now: datetime, policy: Policy = STANDARD
) -> list[Ring]:
    """Free what dead owners of this host held (see `replay_dead`, which owns the transactions)."""
    return [_ring_batch(batch) for batch in replay_dead(db, folder, now, policy)]


def _ring_batch(batch: Batch) -> Ring:
    return Ring(TASK_OF[DestinationKind(batch.kind)], batch.id, Queue(batch.queue))


# Each stage with its patience: how long a rung bell may take before it counts as lost.
STAGES: dict[Callable[[Session, datetime, datetime], list[Ring]], timedelta] = {
    waiting_events: timedelta(seconds=5),
    waiting_revisions: timedelta(seconds=3),
    waiting_plans: timedelta(seconds=5),
    due_deferrals: timedelta(0),
    waiting_batches: timedelta(seconds=10),
}


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
