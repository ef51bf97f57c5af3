"""Those who were spared an article because another one of its story was to tell them.

Where that one tells nobody after all, or is found to be another story, they hear of this one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.plan import PLANNED, TO_PLAN, plan_again
from service.models import Article, Notification, NotificationKind, NotificationState

NEWS_FOR = timedelta(hours=24)  # after its release: later nobody is told any more

_UNSENT = (*TO_PLAN, NotificationState.PLANNED)


def lock_spared(session: Session, article: Article) -> list[int]:
    """The other articles of a locked article's story whose readers wait for it in vain, once it is
    stopped: none where all is sent.

    Locks the notifications of the whole story in one order, so that two withdrawals never wait for
    each other. Call it before anything else locks one of them.
    """
    story = select(Article.id).where(Article.story_id == article.story_id)
    found = session.execute(
        select(Notification.article_id, Notification.kind, Notification.state)
        .where(Notification.article_id.in_(story))
        .order_by(Notification.id)
        .with_for_update(key_share=True)  # batches may refer to them meanwhile
    ).all()
    new = [(row.article_id, row.state) for row in found if row.kind == NotificationKind.NEW]
    if not any(article_id == article.id and state in _UNSENT for article_id, state in new):
        return []
    return [article_id for article_id, state in new if article_id != article.id]


def tell_spared(session: Session, article_ids: Collection[int], now: datetime) -> bool:
    """Plan the recent news of these articles again; true where more people may be told."""
    found = session.scalars(
        select(Notification.id)
        .where(Notification.article_id.in_(article_ids))
        .where(Notification.kind == NotificationKind.NEW, Notification.state.in_(PLANNED))
        .where(Notification.released_at > now - NEWS_FOR)
        .order_by(Notification.id)
        .with_for_update(key_share=True)
    ).all()
    again = [plan_again(session, notification_id, now) for notification_id in found]
    return any(again)
