"""The hold: when the news of an article may go out, and the notification that waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.ledger.lease import NEWS_FOR as SENT_FOR
from service.ledger.plan import plan_again
from service.models import Article, Notification, NotificationKind, NotificationState, Source

NEWS_FOR = timedelta(hours=48)  # older than this at first sight: archive and feeds only


def due_at(
    source: Source, published: datetime, now: datetime, *, is_urgent: bool, is_commercial: bool
) -> datetime | None:
    """When people may hear of an article that becomes public; null for old news and advertising."""
    if is_commercial or published < now - NEWS_FOR:
        return None
    hold = timedelta(0) if is_urgent else timedelta(seconds=source.hold_s)
    return max(now + hold, published)


def hold_news(
    session: Session, article: Article, release_at: datetime | None, request_id: str
) -> None:
    """Hold a `new` notification, once in an article's life: none again after one that went out."""
    if release_at is None:
        return
    has_live = session.scalar(
        select(Notification.id)
        .where(Notification.article_id == article.id)
        .where(Notification.kind == NotificationKind.NEW)
        .where(Notification.state != NotificationState.CANCELLED)
    )
    if has_live is not None:
        return
    session.add(
        Notification(
            kind=NotificationKind.NEW,
            state=NotificationState.HELD,
            article_id=article.id,
            is_urgent=article.is_urgent,
            release_at=release_at,
            request_id=request_id,
        )
    )
    session.flush()


def become_urgent(session: Session, article: Article, now: datetime) -> None:
    """Let news that turned urgent reach those too who hear of nothing else.

    What was planned is planned again, as long as it is news; who was told it is not told twice.
    """
    changed = session.execute(
        update(Notification)
        .where(Notification.article_id == article.id, Notification.kind == NotificationKind.NEW)
        .where(Notification.is_urgent.is_(False), Notification.stopped_at.is_(None))
        .where(Notification.state != NotificationState.CANCELLED)
        .values(is_urgent=True)
        .returning(Notification.id, Notification.released_at)
    ).all()
    for notification_id, released_at in changed:
        if released_at is not None and released_at > now - SENT_FOR:
            plan_again(session, notification_id, now)


def hold_stored(session: Session, article: Article, now: datetime, request_id: str) -> None:
    """Hold the news of an article that is stored and becomes public at this moment."""
    due = due_at(
        session.get_one(Source, article.source_id),
        article.published_at or now,
        now,
        is_urgent=article.is_urgent,
        is_commercial=article.is_commercial,
    )
    hold_news(session, article, due, request_id)


def is_held(session: Session, article: Article) -> bool:
    """True while its news wait: their release stamps the feeds."""
    found = session.scalar(
        select(Notification.id)
        .where(Notification.article_id == article.id)
        .where(Notification.kind == NotificationKind.NEW)
        .where(Notification.state == NotificationState.HELD)
    )
    return found is not None
