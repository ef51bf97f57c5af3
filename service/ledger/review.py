"""The review queue: labels that the classifier would not decide alone, uncertain first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from service.classify.damage import damage_of
from service.models import (
    Article,
    ArticleState,
    LabelState,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)

UNSURE = 0.5  # the probability that says the least


@dataclass(frozen=True)
class ReviewItem:
    """One question to the staff.

    `topic` is null where an article has no topic at all, or where its text is damaged; `damage`
    then says how.
    """

    article_id: int
    title: str
    published_at: datetime | None
    topic: str | None
    score: float | None
    evidence: list[dict[str, Any]]
    damage: str | None = None


def waiting(session: Session, limit: int) -> list[ReviewItem]:
    """What waits for the staff: articles that tell nobody yet first, then the most uncertain."""
    silent = [*_damaged(session, limit), *_without_topic(session, limit)]
    return [*silent, *_uncertain(session, limit)][:limit]


def _damaged(session: Session, limit: int) -> list[ReviewItem]:
    """Those whose newest text arrived damaged; the CMS must send it again."""
    found = session.execute(
        select(Article, Revision)
        .join(Revision, Revision.id == Article.revision_id)
        .where(Revision.state == RevisionState.QUARANTINED)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(
            *(article.id, revision.title, article.published_at, None, None, []),
            damage=damage_of(revision.title, revision.summary, revision.body_text),
        )
        for article, revision in found
    ]


def _uncertain(session: Session, limit: int) -> list[ReviewItem]:
    found = session.execute(
        select(Article, Revision.title, Topic.slug, TopicLabel)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .join(TopicLabel, TopicLabel.revision_id == Revision.id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.state == LabelState.REVIEW)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(func.abs(TopicLabel.score - UNSURE), Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(article.id, title, article.published_at, slug, label.score, list(label.evidence))
        for article, title, slug, label in found
    ]


def _without_topic(session: Session, limit: int) -> list[ReviewItem]:
    """Those with neither a topic nor a question about one."""
    has_label = (
        select(literal(1))
        .where(TopicLabel.revision_id == Revision.id)
        .where(TopicLabel.state != LabelState.DROPPED)
        .exists()
    )
    found = session.execute(
        select(Article, Revision.title)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Revision.state == RevisionState.CLASSIFIED, ~has_label)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(article.id, title, article.published_at, None, None, [])
        for article, title in found
    ]
