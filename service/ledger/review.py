"""The review queue: what the classifier would not decide alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, zip_longest
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from service.classify.damage import damage_of
from service.models import (
    Article,
    ArticleState,
    LabelOrigin,
    LabelState,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
    WrongTopic,
    WrongTopicKind,
)

READERS = 3  # one may be mistaken, or mean harm: their word alone shows nothing
UNSURE = 0.5  # the probability that says the least
SOUND_BY_NOW = "none by the rules of today"
OLD = timedelta(days=7)  # whoever asked for everything was told long since


@dataclass(frozen=True)
class ReviewItem:
    """One question to the staff.

    `topic` is null where an article has no topic at all, or where its text is damaged; `damage`
    then says how. `readers` is how many of them called the topic wrong, or missed it.
    """

    article_id: int
    title: str
    published_at: datetime | None
    topic: str | None
    score: float | None
    evidence: list[dict[str, Any]]
    damage: str | None = None
    readers: int = 0
    is_missed: bool = False


def waiting(session: Session, now: datetime, limit: int) -> list[ReviewItem]:
    """What waits for the staff, in turns, so that no kind hides another: damaged texts, topics that
    readers doubt, articles without a topic, and labels, the most uncertain first."""
    kinds = (
        _damaged(session, limit),
        _doubted(session, limit),
        _without_topic(session, now - OLD, limit),
        _uncertain(session, limit),
    )
    in_turns = chain.from_iterable(zip_longest(*kinds))
    return [item for item in in_turns if item is not None][:limit]


def _damaged(session: Session, limit: int) -> list[ReviewItem]:
    """Those whose newest text arrived damaged; the CMS must send it again."""
    found = session.execute(
        select(Article, Revision)
        .join_from(Revision, Article, Article.id == Revision.article_id)
        .where(Article.revision_id == Revision.id)
        .where(Revision.state == RevisionState.QUARANTINED)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(Revision.article_id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(
            *(article.id, revision.title, article.published_at, None, None, []),
            damage=damage_of(revision.title, revision.summary, revision.body_text) or SOUND_BY_NOW,
        )
        for article, revision in found
    ]


def _uncertain(session: Session, limit: int) -> list[ReviewItem]:
    found = session.execute(
        select(Article, Revision.title, Topic.slug, TopicLabel)
        .join_from(TopicLabel, Revision, Revision.id == TopicLabel.revision_id)
        .join(Article, Article.id == Revision.article_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(Article.shown_revision_id == Revision.id)
        .where(TopicLabel.state == LabelState.REVIEW)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(func.abs(TopicLabel.score - UNSURE), Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(article.id, title, article.published_at, slug, label.score, list(label.evidence))
        for article, title, slug, label in found
    ]


def doubts(session: Session, article_id: int, topic_id: int) -> bool:
    """True where enough readers miss a topic on an article's text of now, or call it wrong."""
    found = (
        select(WrongTopic.count)
        .join(Article, Article.shown_revision_id == WrongTopic.revision_id)
        .where(Article.id == article_id, WrongTopic.topic_id == topic_id)
        .where(WrongTopic.count >= READERS)
    )
    return session.scalar(found.limit(1)) is not None


def _doubted(session: Session, limit: int) -> list[ReviewItem]:
    """Published topics that readers call wrong, and topics that they miss, by how many of them do;
    not where staff have decided."""
    is_missed = WrongTopic.kind == WrongTopicKind.MISSING
    is_published = func.coalesce(TopicLabel.state, "") == LabelState.PUBLISHED
    found = session.execute(
        select(Article, Revision.title, Topic.slug, WrongTopic, TopicLabel)
        .select_from(WrongTopic)
        .join(Revision, Revision.id == WrongTopic.revision_id)
        .join(Article, Article.shown_revision_id == Revision.id)
        .join(Topic, Topic.id == WrongTopic.topic_id)
        .outerjoin(
            TopicLabel,
            (TopicLabel.revision_id == Revision.id) & (TopicLabel.topic_id == Topic.id),
        )
        .where(WrongTopic.count >= READERS, Article.state == ArticleState.PUBLISHED)
        .where(func.coalesce(TopicLabel.origin, "") != LabelOrigin.STAFF)
        .where(is_missed != is_published)
        .order_by(WrongTopic.count.desc(), Article.id.desc(), Topic.id)
        .limit(limit)
    )
    return [
        ReviewItem(
            *(article.id, title, article.published_at, slug),
            score=label.score if label else None,
            evidence=list(label.evidence) if label else [],
            readers=said.count,
            is_missed=said.kind == WrongTopicKind.MISSING,
        )
        for article, title, slug, said, label in found
    ]


def _without_topic(session: Session, since: datetime, limit: int) -> list[ReviewItem]:
    """New ones with neither a topic, nor a question about one, nor a word of the staff."""
    is_dealt_with = (
        select(literal(1))
        .where(TopicLabel.revision_id == Revision.id)
        .where((TopicLabel.state != LabelState.DROPPED) | (TopicLabel.origin == LabelOrigin.STAFF))
        .exists()
    )
    found = session.execute(
        select(Article, Revision.title)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Revision.state == RevisionState.CLASSIFIED, ~is_dealt_with)
        .where(Article.state == ArticleState.PUBLISHED, Article.created_at > since)
        .where(func.coalesce(Article.published_at, Article.created_at) > since)
        .order_by(Article.created_at.desc(), Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(article.id, title, article.published_at, None, None, [])
        for article, title in found
    ]
