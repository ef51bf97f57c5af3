"""Articles as lists show them: headline, a few sentences, topics and districts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.archive.address import slug_of
from service.models import (
    Article,
    ArticleState,
    LabelState,
    Place,
    PlaceLabel,
    Revision,
    Topic,
    TopicLabel,
)

MAX_SUMMARY = 280  # characters; what is longer is cut between words


@dataclass(frozen=True)
class Item:
    """One article of a list. `url` is where the city published it; empty where it has no address of
    its own."""

    article_id: int
    slug: str
    url: str
    title: str
    summary: str
    language: str
    published_at: datetime
    is_urgent: bool
    topics: tuple[Topic, ...]
    places: tuple[Place, ...]


def items(session: Session, article_ids: Sequence[int]) -> list[Item]:
    """These articles in this order, less those that are not public any more."""
    found = session.execute(
        select(
            Article,
            Revision.id,
            Revision.url,
            Revision.title,
            Revision.summary,
            func.substr(Revision.body_text, 1, 2 * MAX_SUMMARY),
            Revision.language,
        )
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.id.in_(article_ids), Article.state == ArticleState.PUBLISHED)
        .where(Article.feed_seq.is_not(None))
    ).all()
    revision_ids = [row[1] for row in found]
    topics, places = topics_of(session, revision_ids), places_of(session, revision_ids)
    by_id = {
        article.id: Item(
            article_id=article.id,
            slug=slug_of(title),
            url=url,
            title=title,
            summary=shortened(summary or body),
            language=language,
            published_at=article.published_at or article.created_at,
            is_urgent=article.is_urgent,
            topics=tuple(topics.get(revision_id, ())),
            places=tuple(places.get(revision_id, ())),
        )
        for article, revision_id, url, title, summary, body, language in found
    }
    return [by_id[article_id] for article_id in article_ids if article_id in by_id]


def shortened(text: str) -> str:
    """The beginning of a text on one line, cut between words."""
    line = " ".join(text.split())
    if len(line) <= MAX_SUMMARY:
        return line
    head = line[:MAX_SUMMARY]
    return (head.rpartition(" ")[0] or head).rstrip(" ,;:–-") + "…"


def topics_of(session: Session, revision_ids: Sequence[int]) -> dict[int, list[Topic]]:
    """The published topics of each revision, surest first."""
    found: dict[int, list[Topic]] = {}
    for revision_id, topic in session.execute(
        select(TopicLabel.revision_id, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id.in_(revision_ids))
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.score.desc(), Topic.position)
    ):
        found.setdefault(revision_id, []).append(topic)
    return found


def places_of(session: Session, revision_ids: Sequence[int]) -> dict[int, list[Place]]:
    """The places of each revision, in Turkish order."""
    found: dict[int, list[Place]] = {}
    for revision_id, place in session.execute(
        select(PlaceLabel.revision_id, Place)
        .join(Place, Place.id == PlaceLabel.place_id)
        .where(PlaceLabel.revision_id.in_(revision_ids))
        .order_by(Place.position)
    ):
        found.setdefault(revision_id, []).append(place)
    return found
