"""Topics and places in the database: loaded from `config/` on the first start, then the staff's."""

from __future__ import annotations

from functools import lru_cache
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


@lru_cache(maxsize=2)
def shipped_topics(config_dir: Path) -> dict[str, TopicTerms]:
    """The topics of the file by slug: sections and thresholds live there, not in the database."""
    return {topic.slug: topic for topic in topics_of(config_dir)}


def terms_of(topic: Topic, config_dir: Path) -> TopicTerms:
    """A stored topic as the classifier takes it."""
    shipped = shipped_topics(config_dir).get(topic.slug)
    return TopicTerms(
        slug=topic.slug,
        name_tr=topic.name_tr,
        name_en=topic.name_en,
        description_tr=topic.description_tr,
        description_en=topic.description_en,
        terms=tuple(topic.terms),
        sections=shipped.sections if shipped else (),
        publish=shipped.publish if shipped else None,
        review=shipped.review if shipped else None,
    )
