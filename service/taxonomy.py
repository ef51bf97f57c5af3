"""Topics and places in the database: loaded from `config/` on the first start, then the staff's."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.classify import PlaceRules, parse_places, parse_topics
from service.classify import Topic as TopicTerms
from service.models import FeedClock, Place, Topic
from service.settings import Settings


def load_into(session: Session, settings: Settings) -> None:
    """Fill the empty tables of topics and places; what is there is left alone.

    Raises:
        TaxonomyError: a file has mistakes; each is named with its line.
    """
    if session.get(FeedClock, 1) is None:
        session.add(FeedClock(id=1, seq=0))
    if not session.scalar(select(func.count()).select_from(Topic)):
        for position, topic in enumerate(topics_of(settings.config_dir)):
            session.add(
                Topic(
                    slug=topic.slug,
                    name_tr=topic.name_tr,
                    name_en=topic.name_en,
                    description_tr=topic.description_tr,
                    description_en=topic.description_en,
                    terms=list(topic.terms),
                    sections=list(topic.sections),
                    publish=topic.publish,
                    review=topic.review,
                    position=position,
                )
            )
    if not session.scalar(select(func.count()).select_from(Place)):
        for position, place in enumerate(places_of(settings.config_dir).places):
            session.add(Place(slug=place.slug, name=place.name, position=position))


def topics_of(config_dir: Path) -> tuple[TopicTerms, ...]:
    path = config_dir / "topics.yaml"
    return parse_topics(path.read_text(encoding="utf-8"), str(path))


def places_of(config_dir: Path) -> PlaceRules:
    path = config_dir / "places.yaml"
    return parse_places(path.read_text(encoding="utf-8"), str(path))


def terms_of(topic: Topic) -> TopicTerms:
    """A stored topic as the classifier takes it."""
    return TopicTerms(
        slug=topic.slug,
        name_tr=topic.name_tr,
        name_en=topic.name_en,
        description_tr=topic.description_tr,
        description_en=topic.description_en,
        terms=tuple(topic.terms),
        sections=tuple(topic.sections),
        publish=topic.publish,
        review=topic.review,
    )
