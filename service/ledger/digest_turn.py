"""When a digest may be planned: after all that it would have to know of.

A reader is told a story once. So a digest waits for news of its own time that are still being
planned, and for the digests before it; what it plans then sees who hears of what already.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import DigestArticle, Notification, NotificationKind, NotificationState
from service.models.notification import IS_UNFINISHED

TO_PLAN = (NotificationState.RELEASED, NotificationState.PLANNING)
# News that cannot be planned must not keep everybody's digest for ever. What is planned later
# leaves out whoever has it in a digest, and the last look before a letter leaves out the rest.
PATIENCE = timedelta(minutes=10)


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
