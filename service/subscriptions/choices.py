"""What a person asks for: topics × places × frequency, and how a token remembers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Frequency, Place, Topic


@dataclass(frozen=True)
class Choices:
    """`None` says "all topics" or "the whole city": all is a choice of its own, never a list, so
    that a topic added later is part of it (admin guide, lesson 11). An empty list is nothing.

    `is_local_only`: without what concerns the whole city; it counts where places are chosen.
    """

    topic_ids: tuple[int, ...] | None = None
    place_ids: tuple[int, ...] | None = None
    frequency: Frequency = Frequency.INSTANT
    is_local_only: bool = False

    @property
    def leaves_out_city(self) -> bool:
        """True where news without a place is not wanted: whoever wants the whole city wants it."""
        return self.is_local_only and self.place_ids is not None

    def pairs(self) -> Iterator[tuple[int | None, int | None]]:
        """Every (topic, place) that becomes one subscription."""
        for topic_id in _each(self.topic_ids):
            for place_id in _each(self.place_ids):
                yield topic_id, place_id

    def as_json(self) -> dict[str, Any]:
        return {
            "topics": None if self.topic_ids is None else list(self.topic_ids),
            "places": None if self.place_ids is None else list(self.place_ids),
            "frequency": str(self.frequency),
            "local_only": self.leaves_out_city,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Choices:
        """Read what `as_json` wrote.

        Raises:
            ValueError: something else wrote it.
        """
        try:
            return cls(
                topic_ids=_ids(data["topics"]),
                place_ids=_ids(data["places"]),
                frequency=Frequency(data["frequency"]),
                is_local_only=data.get("local_only") is True,  # older tokens do not say
            )
        except (KeyError, TypeError) as error:
            raise ValueError("these are no choices") from error

    def known(self, session: Session) -> Choices:
        """The same choices without topics and places that do not exist (any more)."""
        topics = None
        if self.topic_ids is not None:
            topics = session.scalars(select(Topic.id).where(Topic.id.in_(self.topic_ids)))
        places = None
        if self.place_ids is not None:
            places = session.scalars(select(Place.id).where(Place.id.in_(self.place_ids)))
        return replace(
            self,
            topic_ids=None if topics is None else tuple(sorted(topics)),
            place_ids=None if places is None else tuple(sorted(places)),
        )


def all_topics(session: Session) -> Sequence[Topic]:
    """The topics in the order that staff gave them."""
    return session.scalars(select(Topic).order_by(Topic.position, Topic.id)).all()


def all_places(session: Session) -> Sequence[Place]:
    """The places in Turkish order, which their positions carry."""
    return session.scalars(select(Place).order_by(Place.position, Place.id)).all()


def offered_places(session: Session) -> list[Place]:
    """Those that can be chosen anew."""
    return [place for place in all_places(session) if place.is_on]


def _each(ids: tuple[int, ...] | None) -> tuple[int | None, ...]:
    return (None,) if ids is None else ids


def _ids(value: Any) -> tuple[int, ...] | None:
    return None if value is None else tuple(int(number) for number in value)
