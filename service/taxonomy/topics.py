"""Topics and places in the database: loaded from `config/` on the first start, then the staff's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.orm import Session

from service.classify import PlaceRules, parse_places, parse_topics
from service.classify import Topic as TopicTerms
from service.models import (
    FeedClock,
    Halt,
    HaltKind,
    HaltScope,
    Place,
    StaffTopic,
    Subscription,
    Topic,
    TopicLabel,
    WrongTopic,
)
from service.settings import Settings

_MOST = 1_000  # references that are counted
FIELDS = (
    *("name_tr", "name_en", "description_tr", "description_en"),
    *("terms", "sections", "publish", "review"),
)


@dataclass(frozen=True)
class TopicChanges:
    """What a list of topics changes in the database, by slug.

    `changed` and `kept` say in words what changes, and why a topic stays that is not listed.
    """

    added: tuple[str, ...]
    changed: Mapping[str, str]
    removed: tuple[str, ...]
    kept: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def load_into(session: Session, settings: Settings) -> None:
    """Fill the empty tables of topics and places; what is there is left alone.

    Raises:
        TaxonomyError: a file has mistakes; each is named with its line.
    """
    if session.get(FeedClock, 1) is None:
        session.add(FeedClock(id=1, seq=0))
    if not session.scalar(select(func.count()).select_from(Topic)):
        for position, topic in enumerate(topics_of(settings.config_dir)):
            session.add(_row(topic, position))
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


def stored_topics(session: Session) -> tuple[TopicTerms, ...]:
    """The topics of the database, as the classifier takes them, in their order."""
    return tuple(terms_of(row) for row in session.scalars(select(Topic).order_by(Topic.position)))


def changes_by(session: Session, listed: Iterable[TopicTerms]) -> TopicChanges:
    """What `apply` would do with a list of all topics."""
    wanted = {topic.slug: topic for topic in listed}
    stored = {topic.slug: topic for topic in stored_topics(session)}
    both = [(stored[slug], topic) for slug, topic in wanted.items() if slug in stored]
    uses = {slug: _uses(session, slug) for slug in stored if slug not in wanted}
    return TopicChanges(
        added=tuple(slug for slug in wanted if slug not in stored),
        changed={new.slug: _difference(old, new) for old, new in both if old != new},
        removed=tuple(slug for slug, used in uses.items() if not used),
        kept={slug: used for slug, used in uses.items() if used},
    )


def apply(session: Session, listed: Iterable[TopicTerms], changes: TopicChanges) -> None:
    """Change the topics of the database; new ones come last, and what is in use stays."""
    wanted = {topic.slug: topic for topic in listed}
    last = session.scalar(select(func.max(Topic.position)))
    positions = count(0 if last is None else last + 1)
    session.add_all(_row(wanted[slug], next(positions)) for slug in changes.added)
    affected = [*changes.changed, *changes.removed]
    for row in session.scalars(select(Topic).where(Topic.slug.in_(affected))).all():
        if row.slug not in wanted:
            # That readers miss it somewhere does not keep it.
            session.execute(delete(WrongTopic).where(WrongTopic.topic_id == row.id))
            session.delete(row)
            continue
        for field, value in _values(wanted[row.slug]).items():
            setattr(row, field, value)


def _row(topic: TopicTerms, position: int) -> Topic:
    return Topic(slug=topic.slug, position=position, **_values(topic))


def _values(topic: TopicTerms) -> dict[str, Any]:
    found = {field: getattr(topic, field) for field in FIELDS}
    return {field: list(v) if isinstance(v, tuple) else v for field, v in found.items()}


def _difference(old: TopicTerms, new: TopicTerms) -> str:
    pairs = [(field, getattr(old, field), getattr(new, field)) for field in FIELDS]
    return ", ".join(_said(*pair) for pair in pairs if pair[1] != pair[2])


def _said(field: str, old: Any, new: Any) -> str:
    if isinstance(old, tuple):
        gone, come = set(old) - set(new), set(new) - set(old)
        return f"{field} ({len(come)} added, {len(gone)} removed)"
    if field in ("publish", "review"):
        return f"{field} {_or_general(old)} → {_or_general(new)}"
    return field


def _or_general(threshold: float | None) -> str:
    return "as all" if threshold is None else str(threshold)


def _uses(session: Session, slug: str) -> str:
    """What still refers to a topic; empty where it can be removed. Nobody counts a million rows."""
    topic_id = select(Topic.id).where(Topic.slug == slug).scalar_subquery()
    is_paused = (
        Halt.scope == HaltScope.TOPIC,
        Halt.kind == HaltKind.PAUSE,
        Halt.ended_at.is_(None),
    )
    kinds: dict[str, tuple[ColumnElement[bool], ...]] = {
        "labels": (TopicLabel.topic_id == topic_id,),
        "subscriptions": (Subscription.topic_id == topic_id,),
        "limits of staff": (StaffTopic.topic_id == topic_id,),
        "pauses": (Halt.object_id == topic_id, *is_paused),
    }
    found = {
        name: session.scalar(
            select(func.count()).select_from(
                select(literal(1)).where(*where).limit(_MOST + 1).subquery()
            )
        )
        or 0
        for name, where in kinds.items()
    }
    return ", ".join(
        f"{min(number, _MOST)}{'+' if number > _MOST else ''} {name}"
        for name, number in found.items()
        if number
    )
