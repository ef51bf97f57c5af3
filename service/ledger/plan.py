"""Planning: who is told, decided by one SQL statement per key range of destinations.

Each range is one transaction that moves the notification's cursor by compare-and-set, so a plan
that dies resumes where it stopped, and two that run at once do each range once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, text, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.batches import CLOSE_ONE, cut_batches
from service.models import (
    Article,
    Batch,
    Notification,
    NotificationState,
    Story,
)

# Above 5,000 rows SQLite's writer lock makes the door wait noticeably (reliability guide, 3).
RANGE_SIZE = 5_000
TO_PLAN = (NotificationState.RELEASED, NotificationState.PLANNING)
STORY_LEASE = timedelta(minutes=2)


class Overtaken(Exception):
    """Somebody else planned this range meanwhile; roll back, and let them go on."""


# Both sides of the match run on an index: destination by key range, its subscriptions by
# `uq_subscription_live`. A destination that may not be told now is planned as suppressed, so
# that the city can say why it heard nothing.
_STATE = """CASE WHEN x.address_hash IS NOT NULL OR d.is_paused OR coalesce(c.is_paused, false)
                THEN 5 ELSE 0 END"""
_WHO = """
    FROM destination d
    JOIN subscription s ON s.destination_id = d.id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE d.id > :lower AND d.id <= :upper
      AND d.verified_at IS NOT NULL
      AND s.ended_at IS NULL AND s.frequency = 'instant'
      AND (s.topic_id IS NULL OR s.topic_id IN {topics})
      AND (s.place_id IS NULL OR s.place_id IN {places} OR {whole_city})
      AND NOT EXISTS (
          SELECT 1 FROM article a
          JOIN notification n ON n.article_id = a.id AND n.kind = 'new'
          JOIN delivery v ON v.notification_id = n.id AND v.destination_id = d.id
          WHERE a.story_id = :story AND a.id <> :article)
    GROUP BY d.id, d.is_paused, c.is_paused, x.address_hash"""
MATCH = text(
    "INSERT INTO delivery (notification_id, destination_id, state, subscription_id, attempts)"  # noqa: S608
    f" SELECT :notification, d.id, {_STATE}, min(s.id), 0"
    + _WHO.format(
        topics="(SELECT topic_id FROM topic_label"
        " WHERE revision_id = :revision AND state = 'published')",
        places="(SELECT place_id FROM place_label WHERE revision_id = :revision)",
        whole_city="NOT EXISTS (SELECT 1 FROM place_label WHERE revision_id = :revision)",
    )
    + " ON CONFLICT DO NOTHING"
)
# The same question for labels that are nowhere stored.
COUNT = text(
    f"SELECT coalesce(sum(CASE WHEN state = 0 THEN 1 ELSE 0 END), 0) FROM (SELECT {_STATE} AS state"  # noqa: S608
    + _WHO.format(topics=":topics", places=":places", whole_city=":whole_city")
    + ") AS matched"
).bindparams(bindparam("topics", expanding=True), bindparam("places", expanding=True))

NEXT_RANGE = text("""
    SELECT max(id) FROM (
        SELECT id FROM destination WHERE id > :lower ORDER BY id LIMIT :size) AS next_range
""")


def begin_planning(session: Session, notification_id: int, now: datetime) -> Notification | None:
    """Take a released notification into planning, or rejoin one that is being planned.

    Returns None where there is nothing to plan, or while another notification of the same story
    is being planned (the sweeper comes back to this one).
    """
    # All planners lock the notification before the story: the other way round some deadlock.
    notification = session.get(Notification, notification_id, with_for_update=True)
    if notification is None or notification.state not in TO_PLAN:
        return None
    notification.state = NotificationState.PLANNING
    session.flush()
    return notification if _take_story(session, notification, now) else None


def plan_range(session: Session, notification: Notification, now: datetime) -> list[Batch] | None:
    """Plan the next key range and return its batches; None: all is planned now.

    Raises:
        Overtaken: another process moved the cursor or holds the story; nothing was written.
    """
    lower = notification.cursor
    upper = session.execute(NEXT_RANGE, {"lower": lower, "size": RANGE_SIZE}).scalar()
    if upper is None or notification.stopped_at is not None:
        _finish(session, notification, now)
        session.execute(CLOSE_ONE, {"notification": notification.id, "now": now})
        return None
    if not _move_cursor(session, notification, upper) or not _take_story(
        session, notification, now
    ):
        raise Overtaken(notification.id)
    article = session.get_one(Article, notification.article_id)
    planned = rows(
        session,
        MATCH,
        notification=notification.id,
        lower=lower,
        upper=upper,
        revision=article.shown_revision_id,
        story=article.story_id,
        article=article.id,
    )
    session.execute(
        update(Notification)
        .where(Notification.id == notification.id)
        .values(planned=Notification.planned + planned)
    )
    return cut_batches(session, notification, lower, upper)


def count_told(
    session: Session, topic_ids: list[int], place_ids: list[int], story_id: int, article_id: int
) -> int:
    """How many would be sent a notification with these labels, were it planned now."""
    values = {"topics": topic_ids, "places": place_ids, "whole_city": not place_ids}
    values |= {"story": story_id, "article": article_id, "lower": 0, "upper": 2**62}
    return int(session.execute(COUNT, values).scalar_one())


def _move_cursor(session: Session, notification: Notification, upper: int) -> bool:
    moved = rows(
        session,
        update(Notification)
        .where(Notification.id == notification.id)
        .where(Notification.state == NotificationState.PLANNING)
        .where(Notification.cursor == notification.cursor)
        .values(cursor=upper)
        .execution_options(synchronize_session=False),
    )
    return moved == 1


def _take_story(session: Session, notification: Notification, now: datetime) -> bool:
    """Compare-and-set on the story: one notification of a story is planned at a time."""
    story_id = session.get_one(Article, notification.article_id).story_id
    taken = rows(
        session,
        update(Story)
        .where(Story.id == story_id)
        .where(
            Story.planner.is_(None)
            | (Story.planner == notification.id)
            | (Story.planner_until < now)
        )
        .values(planner=notification.id, planner_until=now + STORY_LEASE),
    )
    return taken == 1


def _finish(session: Session, notification: Notification, now: datetime) -> None:
    finished = rows(
        session,
        update(Notification)
        .where(Notification.id == notification.id)
        .where(Notification.state == NotificationState.PLANNING)
        .where(Notification.cursor == notification.cursor)
        .values(state=NotificationState.PLANNED, planned_at=now),
    )
    if not finished:
        return
    story_id = session.get_one(Article, notification.article_id).story_id
    session.execute(
        update(Story)
        .where(Story.id == story_id, Story.planner == notification.id)
        .values(planner=None, planner_until=None)
    )
