"""Which articles a feed holds, newest first, and the number that tells whether it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from service.models import (
    Article,
    ArticleState,
    LabelState,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)

MAX_ENTRIES = 25


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


def change_seq(session: Session, topic: Topic | None) -> int:
    """The feed clock's number of the last change that this feed may show."""
    if topic is not None:
        return topic.feed_seq
    return session.scalar(select(func.max(Article.feed_seq))) or 0


def entries(session: Session, topic: Topic | None) -> list[Entry]:
    """The newest published articles of a topic, or of all."""
    query = (
        select(Article, Revision)
        .join(Revision, Revision.id == _shown_revision())
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


def _shown_revision() -> ColumnElement[int]:
    """The article's newest content; while that waits to be classified, or came damaged, what was
    classified last."""
    classified = aliased(Revision)
    known = (
        select(classified.id)
        .where(classified.article_id == Article.id)
        .where(classified.state == RevisionState.CLASSIFIED)
        .correlate(Article)
    )
    return func.coalesce(
        known.where(classified.id == Article.revision_id).scalar_subquery(),
        known.with_only_columns(func.max(classified.id)).scalar_subquery(),
    )


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
