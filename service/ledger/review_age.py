"""How long the oldest question of the review has waited, and the alarm when that is too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.ledger.alarms import clear_alarm, raise_alarm
from service.ledger.review import OLD
from service.models import (
    AlarmKind,
    Article,
    ArticleState,
    LabelState,
    Revision,
    RevisionState,
    TopicLabel,
)

_ONE = 1  # there is one queue


def oldest(session: Session, now: datetime) -> datetime | None:
    """Since when the oldest uncertain label or damaged text of the last week waits; null: nothing
    does. What is older no longer is news, and raises no alarm."""
    labels = (
        select(func.min(TopicLabel.decided_at))
        .join(Revision, Revision.id == TopicLabel.revision_id)
        .join(Article, Article.id == Revision.article_id)
        .where(Article.shown_revision_id == Revision.id)
        .where(TopicLabel.state == LabelState.REVIEW, TopicLabel.decided_at > now - OLD)
        .where(Article.state == ArticleState.PUBLISHED)
    )
    texts = (
        select(func.min(Revision.created_at))
        .join(Article, Article.id == Revision.article_id)
        .where(Article.revision_id == Revision.id)
        .where(Revision.state == RevisionState.QUARANTINED, Revision.created_at > now - OLD)
        .where(Article.state == ArticleState.PUBLISHED)
    )
    found = [at for at in (session.scalar(labels), session.scalar(texts)) if at is not None]
    return min(found, default=None)


def watch(session: Session, longest_h: int, now: datetime) -> None:
    """Raise the alarm, or clear it where the oldest has been decided; 0 hours: never raise it."""
    since = oldest(session, now)
    if since is None or not longest_h or now - since < timedelta(hours=longest_h):
        clear_alarm(session, AlarmKind.REVIEW_WAITS, _ONE, now)
        return
    text = f"a question waits for review since {since:%Y-%m-%d %H:%M} UTC"
    raise_alarm(session, AlarmKind.REVIEW_WAITS, _ONE, text, now)
