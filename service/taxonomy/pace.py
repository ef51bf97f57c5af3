"""How many articles a topic had of late: two bounded queries, however many there are."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.models import Article, ArticleState, LabelState, TopicLabel

LOOK_BACK = timedelta(days=30)
MOST_ARTICLES = 5_000  # the newest


def pace_of(session: Session, now: datetime) -> dict[int, int]:
    """Articles of the last 30 days by topic, among the newest 5,000."""
    recent = (
        select(Article.shown_revision_id)
        .where(Article.state == ArticleState.PUBLISHED, Article.published_at > now - LOOK_BACK)
        .where(Article.shown_revision_id.is_not(None))
        .order_by(Article.published_at.desc())
        .limit(MOST_ARTICLES)
        .subquery()
    )
    found = session.execute(
        select(TopicLabel.topic_id, func.count())
        .join(recent, recent.c.shown_revision_id == TopicLabel.revision_id)
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .group_by(TopicLabel.topic_id)
    )
    return {int(topic_id): int(count) for topic_id, count in found}
