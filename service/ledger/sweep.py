"""The sweep: all that is due although no doorbell announced it, stage by stage."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import bindparam, literal, select, text
from sqlalchemy.orm import Session

from service.db import Database, Moment
from service.ledger.batches import CLOSE_ONE, new_batch
from service.ledger.policy import STANDARD, Policy
from service.ledger.replay import replay_dead
from service.ledger.waiting import (
    Ring,
    ring_for_batch,
    waiting_batches,
    waiting_events,
    waiting_plans,
    waiting_revisions,
)
from service.models import (
    Article,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    TopicLabel,
)
from service.tasks import Queue

LIMIT = 200  # notifications a sweep and kind of work


class Stage(Protocol):
    """Finds rows that were rung for before a moment and whose queue is not full."""

    def __call__(
        self,
        session: Session,
        now: datetime,
        rung_before: datetime,
        full: Collection[Queue] = ...,
        /,
    ) -> list[Ring]: ...


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


def due_deferrals(
    session: Session, now: datetime, _rung_before: datetime, _full: Collection[Queue] = ()
) -> list[Ring]:
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
        rings.append(ring_for_batch(batch))
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
    return [ring_for_batch(batch) for batch in replay_dead(db, folder, now, policy)]


# Each stage with its patience: how long a rung bell may take before it counts as lost.
STAGES: dict[Stage, timedelta] = {
    waiting_events: timedelta(seconds=5),
    waiting_revisions: timedelta(seconds=3),
    waiting_plans: timedelta(seconds=5),
    due_deferrals: timedelta(0),
    waiting_batches: timedelta(seconds=10),
}
