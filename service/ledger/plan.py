"""Planning: who is told, decided by one SQL statement per key range of destinations.

Each range is one transaction that moves the notification's cursor by compare-and-set, so a plan
that dies resumes where it stopped, and two that run at once do each range once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.audience import Audience, audience_of
from service.ledger.batches import CLOSE_ONE, Cutter
from service.ledger.digest_turn import hold_stories, may_be_planned
from service.ledger.layout import Shares
from service.ledger.locks import lock_article_of
from service.ledger.requeue import requeue
from service.models import (
    Article,
    ArticleState,
    Batch,
    Notification,
    NotificationKind,
    NotificationState,
    Story,
)

# Of a transaction: longer ones would let the door wait for SQLite's writer lock, which 20,000 hold
# for some 35 ms. The first range is small: its batches are on their way before the rest is matched,
# and those of the next one are laid out by it.
RANGE_SIZE = 20_000
FIRST_RANGE_SIZE = 1_000
PLANNED = (NotificationState.PLANNING, NotificationState.PLANNED, NotificationState.DONE)
TO_PLAN = (NotificationState.RELEASED, NotificationState.PLANNING)
STORY_LEASE = timedelta(minutes=2)


class Overtaken(Exception):
    """Somebody else planned this range meanwhile; roll back, and let them go on."""


def begin_planning(session: Session, notification_id: int, now: datetime) -> Notification | None:
    """Take a released notification into planning, or rejoin one that is being planned.

    Returns None where there is nothing to plan, or while another notification of the same story
    is being planned (the sweeper comes back to this one).
    """
    # Everybody locks the article, its notifications and the story in this order, or some deadlock.
    # The second update of a notification takes this lock on its article, by the foreign key.
    lock_article_of(session, notification_id)
    notification = session.get(Notification, notification_id, with_for_update=True)
    if notification is None or notification.state not in TO_PLAN:
        return None
    notification.state = NotificationState.PLANNING
    session.flush()
    if notification.kind == NotificationKind.DIGEST:
        if not may_be_planned(session, notification, now):
            return None
        hold_stories(session, notification)
        return notification
    if notification.kind == NotificationKind.FEED:  # whoever reads a feed reads no story
        return notification
    return notification if _take_story(session, notification, now) else None


def plan_range(
    session: Session, notification: Notification, shares: Shares, now: datetime
) -> list[Batch] | None:
    """Plan the next key range and return its batches; None: all is planned for now.

    Call it in the transaction of `begin_planning`, which holds the story. `shares` is what the
    range before left for this one; new where there was none.

    Raises:
        Overtaken: another process moved the cursor; nothing was written.
    """
    lower = notification.cursor
    audience = audience_of(session, notification)
    size = shares.size(FIRST_RANGE_SIZE, RANGE_SIZE)
    upper = None if notification.stopped_at else audience.next_range(lower, size)
    if upper is None:
        _end_pass(session, notification, audience, now)
        return None
    if not _move_cursor(session, notification, upper):
        raise Overtaken(notification.id)
    again = requeue(session, notification, lower, upper)
    layout = shares.lay_out(session, size)
    planned = audience.plan(lower, upper, layout.batching(lower, upper))
    session.execute(
        update(Notification)
        .where(Notification.id == notification.id)
        .values(planned=Notification.planned + planned)
    )
    cutter = Cutter(session, notification, lower, upper)
    cutter.cut(layout, planned)
    shares.learn(cutter.counts, size, planned, audience.items)
    return again + cutter.batches


def _end_pass(
    session: Session, notification: Notification, audience: Audience, now: datetime
) -> None:
    """All ranges are planned: end, or rest before the next pass."""
    rest = None if notification.stopped_at else audience.rest(now)
    if rest is None:
        values = {"state": NotificationState.PLANNED, "planned_at": now, "resend": None}
    else:
        values = {"cursor": 0, "rung_at": now + rest}
    ended = rows(
        session,
        update(Notification)
        .where(Notification.id == notification.id)
        .where(Notification.state == NotificationState.PLANNING)
        .where(Notification.cursor == notification.cursor)
        .values(**values),
    )
    if not ended:
        return
    _leave_story(session, notification)
    if rest is None:
        session.execute(CLOSE_ONE, {"notification": notification.id, "now": now})


def plan_again(session: Session, notification_id: int, now: datetime) -> bool:
    """Plan from the start what was planned, or is being planned: more people are to be told.

    Not of an article that nobody may be told of any more; one that was done when it was withdrawn
    was not stopped. The unique key of deliveries keeps those who were told from being told twice.
    """
    may_be_told = (
        select(Article.id)
        .where(Article.id == Notification.article_id, Article.state == ArticleState.PUBLISHED)
        .where(Article.withheld_state.is_(None), Article.is_commercial.is_(False))
    )
    again = rows(
        session,
        update(Notification)
        .where(Notification.id == notification_id, Notification.stopped_at.is_(None))
        .where(Notification.archived_at.is_(None))  # who was told is not known any more
        .where(Notification.state.in_(PLANNED), may_be_told.exists())
        .values(state=NotificationState.RELEASED, cursor=0, rung_at=now, done_at=None),
    )
    return bool(again)


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
    taken = rows(
        session,
        update(Story)
        .where(Story.id == _story_of(notification))
        .where(
            Story.planner.is_(None)
            | (Story.planner == notification.id)
            | (Story.planner_until < now)
        )
        .values(planner=notification.id, planner_until=now + STORY_LEASE)
        .execution_options(synchronize_session=False),
    )
    return taken == 1


def _leave_story(session: Session, notification: Notification) -> None:
    session.execute(
        update(Story)
        .where(Story.id == _story_of(notification), Story.planner == notification.id)
        .values(planner=None, planner_until=None)
        .execution_options(synchronize_session=False)
    )


def _story_of(notification: Notification) -> ScalarSelect[int | None]:
    article = select(Article.story_id).where(Article.id == notification.article_id)
    return article.scalar_subquery()
