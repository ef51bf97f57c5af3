"""What a message tells: an article's newest revision with its topics, places and evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify.text import match_key
from service.models import (
    Article,
    LabelState,
    Notification,
    Place,
    PlaceLabel,
    Revision,
    Topic,
    TopicLabel,
)

MAX_TERMS = 4


@dataclass(frozen=True)
class Name:
    """A topic's or place's name in both languages."""

    id: int
    slug: str
    tr: str
    en: str

    def spoken(self, language: str) -> str:
        return self.en if language == "en" else self.tr


@dataclass(frozen=True)
class Story:
    """Everything that messages of one notification have in common.

    `kind` is new, correction or withdrawal; `note` says in the editor's words what changed, and
    `original` is the notification that this one follows up. `image_url` is as the source sent it.
    """

    article_id: int
    revision_id: int
    url: str
    title: str
    summary: str
    body_html: str
    body_text: str
    language: str
    topics: tuple[Name, ...]
    places: tuple[Name, ...]
    terms: dict[int, tuple[str, ...]]  # the words that set a topic, by topic id
    kind: str = "new"
    note: str = ""
    original: int | None = None
    published_at: datetime | None = None
    is_urgent: bool = False
    image_url: str = ""
    image_alt: str = ""

    def topic_names(self, language: str) -> str:
        return ", ".join(topic.spoken(language) for topic in self.topics)

    def place_names(self, language: str) -> str:
        return ", ".join(place.spoken(language) for place in self.places)


def tell(session: Session, notification: Notification) -> Story:
    """Read the newest classified revision of an article with its published labels, surest first."""
    article = session.get_one(Article, notification.article_id)
    revision = session.get_one(Revision, article.shown_revision_id)
    labels = session.execute(
        select(TopicLabel, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision.id, TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.score.desc(), Topic.position)
    ).all()
    places = session.scalars(
        select(Place)
        .join(PlaceLabel, PlaceLabel.place_id == Place.id)
        .where(PlaceLabel.revision_id == revision.id)
        .order_by(Place.position)
    ).all()
    image = revision.image or {}
    return Story(
        article_id=article.id,
        revision_id=revision.id,
        url=revision.url,
        title=revision.title,
        summary=revision.summary,
        body_html=revision.body_html,
        body_text=revision.body_text,
        language=revision.language,
        topics=tuple(Name(t.id, t.slug, t.name_tr, t.name_en) for _, t in labels),
        places=tuple(Name(p.id, p.slug, p.name, p.name) for p in places),
        terms={label.topic_id: _terms(label) for label, _ in labels},
        kind=notification.kind,
        note=str(notification.payload.get("note", "")),
        original=notification.payload.get("original"),
        published_at=article.published_at,
        is_urgent=bool(notification.is_urgent),
        image_url=str(image.get("url") or ""),
        image_alt=str(image.get("alt") or ""),
    )


def tell_all(session: Session, revision_ids: Sequence[int]) -> list[Story]:
    """Read these texts for a digest: each with its places, and without what only a letter of its
    own tells."""
    found = session.execute(
        select(Revision, Article.published_at)
        .join(Article, Article.id == Revision.article_id)
        .where(Revision.id.in_(revision_ids))
        .order_by(Revision.id)
    ).all()
    places: defaultdict[int, list[Name]] = defaultdict(list)
    for revision_id, place in session.execute(
        select(PlaceLabel.revision_id, Place)
        .join(Place, Place.id == PlaceLabel.place_id)
        .where(PlaceLabel.revision_id.in_(revision_ids))
        .order_by(Place.position)
    ):
        places[revision_id].append(Name(place.id, place.slug, place.name, place.name))
    return [
        Story(
            article_id=revision.article_id,
            revision_id=revision.id,
            url=revision.url,
            title=revision.title,
            summary=revision.summary,
            body_html="",
            body_text=revision.body_text,
            language=revision.language,
            topics=(),
            places=tuple(places[revision.id]),
            terms={},
            published_at=published_at,
        )
        for revision, published_at in found
    ]


def _terms(label: TopicLabel) -> tuple[str, ...]:
    """The matched words themselves, each once however it is written, the weightiest first."""
    found: dict[str, str] = {}
    for evidence in label.evidence:
        found.setdefault(match_key(evidence["text"]), evidence["text"])
    return tuple(found.values())[:MAX_TERMS]
