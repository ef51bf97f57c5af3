"""When a digest may be planned: after all that it would have to know of.

A reader is told a story once. So a digest waits for news of its own time that are still being
planned, and for the digests before it; what it plans then sees who hears of what already. And each
of its ranges holds the stories that it tells, as a range of news holds its own, so that of two that
are planned at the same moment the second one sees what the first has planned.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import (
    Article,
    DigestArticle,
    Notification,
    NotificationKind,
    NotificationState,
    Story,
)
from service.models.notification import IS_UNFINISHED

TO_PLAN = (NotificationState.RELEASED, NotificationState.PLANNING)
# News that cannot be planned must not keep everybody's digest for ever. What is planned later
# leaves out whoever has it in a digest, and the last look before a letter leaves out the rest.
PATIENCE = timedelta(minutes=10)


def hold_stories(session: Session, digest: Notification) -> None:
    """Wait for ranges of news of these stories to commit, and let others wait for this commit.

    In order of their numbers, after the digest's own row; news holds one story, after its own row.
    Articles may be joined to the stories meanwhile. SQLite has one writer at any time.
    """
    told = select(Article.story_id).join(DigestArticle, DigestArticle.article_id == Article.id)
    stories = (
        select(Story.id)
        .where(Story.id.in_(told.where(DigestArticle.notification_id == digest.id)))
        .order_by(Story.id)
        .with_for_update(key_share=True)
    )
    session.scalars(stories).all()


def may_be_planned(session: Session, digest: Notification, now: datetime) -> bool:
    """Whether it is a digest's turn; the sweeper comes back to one whose turn it is not."""
    earlier = (
        select(Notification.id)
        .where(Notification.kind == NotificationKind.DIGEST, Notification.id < digest.id)
        .where(Notification.state.in_(TO_PLAN), IS_UNFINISHED, Notification.attempts == 0)
        .limit(1)
    )
    if session.scalar(earlier) is not None:
        return False
    if digest.cursor or now > (digest.released_at or now) + PATIENCE:
        return True
    news = (
        select(Notification.id)
        .join(DigestArticle, DigestArticle.article_id == Notification.article_id)
        .where(DigestArticle.notification_id == digest.id)
        .where(Notification.kind == NotificationKind.NEW, Notification.state.in_(TO_PLAN))
        .where(IS_UNFINISHED, Notification.stopped_at.is_(None))
        .limit(1)
    )
    return session.scalar(news) is None
