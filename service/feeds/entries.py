"""Which articles a feed holds, newest first, and the number that tells whether it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import (
    Article,
    ArticleState,
    LabelState,
    Revision,
    Topic,
    TopicLabel,
)

MAX_ENTRIES = 25
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # an empty feed has changed at some time too


@dataclass(frozen=True)
class Entry:
    """One article as a feed shows it."""

    article_id: int
    created_at: datetime
    url: str
    title: str
    summary: str
    body_html: str
    language: str
    published_at: datetime
    changed_at: datetime
    topics: tuple[tuple[str, str], ...]  # slug and Turkish name


@dataclass(frozen=True)
class Change:
    """The last change that a feed may show: its number of the feed clock, and when it was."""

    seq: int = 0
    at: datetime = EPOCH


def last_change(session: Session, topic: Topic | None) -> Change:
    """The last change of a topic's feed, or of any."""
    query = select(Article.feed_seq, Article.feed_at).where(Article.feed_seq.is_not(None))
    if topic is not None:
        query = query.where(Article.feed_seq == topic.feed_seq)
    found = session.execute(query.order_by(Article.feed_seq.desc()).limit(1)).first()
    if found is None:
        return Change(topic.feed_seq if topic else 0)
    return Change(found.feed_seq, found.feed_at or EPOCH)


def entries(session: Session, topic: Topic | None) -> list[Entry]:
    """The newest published articles of a topic, or of all."""
    query = (
        select(Article, Revision)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.feed_seq.is_not(None), Article.state == ArticleState.PUBLISHED)
        .order_by(Article.published_at.desc(), Article.id.desc())
        .limit(MAX_ENTRIES)
    )
    if topic is not None:
        query = query.join(TopicLabel, TopicLabel.revision_id == Revision.id).where(
            TopicLabel.topic_id == topic.id, TopicLabel.state == LabelState.PUBLISHED
        )
    found = session.execute(query).all()
    names = _topic_names(session, [revision.id for _, revision in found])
    return [
        Entry(
            article_id=article.id,
            created_at=article.created_at,
            url=revision.url,
            title=revision.title,
            summary=revision.summary,
            body_html=revision.body_html,
            language=revision.language,
            published_at=article.published_at or article.created_at,
            changed_at=revision.created_at,
            topics=tuple(names.get(revision.id, ())),
        )
        for article, revision in found
    ]


def _topic_names(session: Session, revision_ids: list[int]) -> dict[int, list[tuple[str, str]]]:
    names: dict[int, list[tuple[str, str]]] = {}
    for revision_id, slug, name in session.execute(
        select(TopicLabel.revision_id, Topic.slug, Topic.name_tr)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id.in_(revision_ids))
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.score.desc(), Topic.position)
    ):
        names.setdefault(revision_id, []).append((slug, name))
    return names
