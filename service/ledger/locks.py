"""Locks on articles, which everybody takes before those on their notifications: one order."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Article, Notification


def lock_articles(session: Session, article_ids: Collection[int]) -> None:
    """Keep these articles as they are until the end of the transaction; others may refer to them.

    All rows are fetched: a cursor that nobody read to its end would keep its snapshot beyond the
    transaction on SQLite, and this connection could not write any more.
    """
    session.scalars(
        select(Article.id)
        .where(Article.id.in_(article_ids))
        .order_by(Article.id)
        .with_for_update(read=True, key_share=True)
    ).all()


def lock_article_of(session: Session, notification_id: int) -> int | None:
    """Lock the article of a notification like this, and return its id; None where there is none."""
    article_id = select(Notification.article_id).where(Notification.id == notification_id)
    return session.scalars(
        select(Article.id)
        .where(Article.id == article_id.scalar_subquery())
        .with_for_update(read=True, key_share=True)
    ).one_or_none()
