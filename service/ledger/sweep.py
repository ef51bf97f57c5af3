"""The sweep: all that is due although no doorbell announced it, stage by stage."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Protocol

from sqlalchemy import bindparam, literal, select, text
from sqlalchemy.orm import Session

from service.db import Database, Moment
from service.ledger.batches import CLOSE_ONE, new_batch
from service.ledger.layout import BATCH_SIZE
from service.ledger.policy import STANDARD, Policy
from service.ledger.replay import Told, nobody_asks, replay_dead
from service.ledger.summaries import gather
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
    DestinationKind,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    TopicLabel,
)
from service.models.notification import IS_UNFINISHED
from service.tasks import Queue

LIMIT = 200  # notifications a sweep and kind of work
DUE_STEP = 5_000  # deferred deliveries a sweep: SQLite's writer lock is held for some 20 ms


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
            .where(Notification.state == NotificationState.HELD, IS_UNFINISHED)
            .where(Notification.release_at <= now)
            .where(Revision.state == RevisionState.CLASSIFIED)
            .where(needs_no_topic | has_topic | waited)
            .order_by(Notification.is_urgent.desc(), Notification.release_at)
            .limit(LIMIT)
        )
    )


# What is due, the longest first, with its lane. A whole city's quiet hours end in one minute, so it
# is taken in steps, each a walk along the due end of `ix_delivery_deferred`.
DUE = text("""
    SELECT v.notification_id, d.kind, d.lane, v.destination_id, v.attempts = 0 AS is_untried
    FROM (SELECT notification_id, destination_id, attempts FROM delivery
          WHERE state = 2 AND due_at <= :now
          ORDER BY due_at, destination_id LIMIT :size) AS v
    JOIN destination d ON d.id = v.destination_id
    ORDER BY v.notification_id, d.kind, d.lane, v.destination_id
""").bindparams(bindparam("now", type_=Moment()))

REQUEUE = text("""
    UPDATE delivery SET state = 0, batch_id = :batch, due_at = NULL
    WHERE notification_id = :notification AND destination_id = :destination
      AND state = 2 AND due_at <= :now
""").bindparams(bindparam("now", type_=Moment()))


def due_deferrals(
    session: Session, now: datetime, _rung_before: datetime, _full: Collection[Queue] = ()
) -> list[Ring]:
    """Deferred deliveries that are due, put into batches again; the rest by the next sweep.

    What waited for quiet hours to end is gathered first.
    """
    rings = []
    step = {"now": now, "size": DUE_STEP}
    due = session.execute(DUE, step).all()
    if any(row.is_untried for row in due) and (gathered := gather(session, now, DUE_STEP)):
        rings += [ring_for_batch(batch) for batch in gathered]
        due = session.execute(DUE, step).all()
    for (notification_id, kind, lane), group in groupby(due, lambda row: row[:3]):
        destinations = [row.destination_id for row in group]
        notification = session.get_one(Notification, notification_id)
        for start in range(0, len(destinations), BATCH_SIZE):
            batch = new_batch(notification, DestinationKind(kind), lane)
            session.add(batch)
            session.flush()
            keys = {"batch": batch.id, "notification": notification_id, "now": now}
            some = destinations[start : start + BATCH_SIZE]
            session.execute(REQUEUE, [{**keys, "destination": one} for one in some])
            rings.append(ring_for_batch(batch))
    return rings


CLOSABLE = text("""
    SELECT n.id FROM notification n
    WHERE n.state = 'planned' AND n.state NOT IN ('done', 'cancelled')
      AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.notification_id = n.id AND b.state < 2)
      AND NOT EXISTS (SELECT 1 FROM delivery v WHERE v.notification_id = n.id AND v.state = 2)
    LIMIT :size
""")  # ix_notification_unfinished, ix_delivery_deferred_of


def close_finished(session: Session, now: datetime) -> int:
    """End notifications all of whose batches are done, should their last worker have died there;
    returns how many."""
    found = session.scalars(CLOSABLE, {"size": LIMIT}).all()
    candidates = session.scalars(
        select(Notification.id)
        .where(Notification.id.in_(found))
        .order_by(Notification.id)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    for notification_id in candidates:
        session.execute(CLOSE_ONE, {"notification": notification_id, "now": now})
    return len(candidates)


def replay_journals(
    db: Database,
    folder: Path,
    now: datetime,
    policy: Policy = STANDARD,
    tell: Told = nobody_asks,
) -> list[Ring]:
    """Free what dead owners of this host held (see `replay_dead`, which owns the transactions)."""
    return [ring_for_batch(batch) for batch in replay_dead(db, folder, now, policy, tell)]


# Each stage with its patience: how long a rung bell may take before it counts as lost.
STAGES: dict[Stage, timedelta] = {
    waiting_events: timedelta(seconds=5),
    waiting_revisions: timedelta(seconds=3),
    waiting_plans: timedelta(seconds=5),
    due_deferrals: timedelta(0),
    waiting_batches: timedelta(seconds=10),
}
