"""“This was the wrong topic”: readers' word, counted, and shown to staff; it changes no label.

Nothing about the reader is kept: neither who they are nor when each of them said so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.models import (
    Article,
    ArticleState,
    LabelState,
    Revision,
    Topic,
    TopicLabel,
    WrongTopic,
    WrongTopicKind,
)

MOST = 1_000_000  # a counter that nobody needs to go higher
MAX_TOPICS = 10  # of one answer


@dataclass(frozen=True)
class Question:
    """What the form asks about: an article's text of now, its topics, and all others."""

    article_id: int
    revision_id: int
    title: str
    url: str
    language: str
    has: list[Topic]
    others: list[Topic]


def question(session: Session, article_id: int) -> Question | None:
    """The form of an article; None where there is none to read."""
    article = session.get(Article, article_id)
    if article is None or article.state != ArticleState.PUBLISHED or not article.shown_revision_id:
        return None
    revision = session.get_one(Revision, article.shown_revision_id)
    has = set(
        session.scalars(
            select(TopicLabel.topic_id)
            .where(TopicLabel.revision_id == revision.id)
            .where(TopicLabel.state == LabelState.PUBLISHED)
        )
    )
    topics = session.scalars(select(Topic).order_by(Topic.position, Topic.id)).all()
    return Question(
        *(article.id, revision.id, revision.title, revision.url, revision.language),
        has=[topic for topic in topics if topic.id in has],
        others=[topic for topic in topics if topic.id not in has],
    )


def record(
    session: Session,
    asked: Question,
    wrong: Collection[int],
    missing: Collection[int],
    at: datetime,
) -> None:
    """Count one reader's word; topics that the question does not offer are passed over."""
    offered = {
        WrongTopicKind.WRONG: ({topic.id for topic in asked.has}, wrong),
        WrongTopicKind.MISSING: ({topic.id for topic in asked.others}, missing),
    }
    values = [
        {"revision_id": asked.revision_id, "topic_id": id_, "kind": kind, "count": 1, "last_at": at}
        for kind, (allowed, said) in offered.items()
        for id_ in sorted(allowed & set(said))[:MAX_TOPICS]
    ]
    if not values:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(WrongTopic)
        .values(values)
        .on_conflict_do_update(
            index_elements=["revision_id", "topic_id", "kind"],
            set_={"count": WrongTopic.count + 1, "last_at": at},
            where=WrongTopic.count < MOST,
        )
    )
