"""Feed keys: which articles a feed holds, as the last part of its address.

    iklim-cevre+ulasim@bornova    climate or transport, in Bornova or of the whole city
    all@~bornova+buca             everything about Bornova or Buca, and nothing else
    all                           everything

A key has one canonical form: ASCII slugs, sorted, each once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from service.classify.text import slugify

ALL = "all"
ONLY = "~"  # before places: without what concerns the whole city
MAX_TOPICS = 12
MAX_PLACES = 6
MAX_LENGTH = 1200  # characters that are looked at: as many of the longest slugs as one joins


class KeyTooLongError(ValueError):
    """More topics or places than one feed joins."""


@dataclass(frozen=True)
class FeedKey:
    """No topics: all of them. No places: the whole city, wherever in it."""

    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    is_local_only: bool = False

    @classmethod
    def of(
        cls, topics: Collection[str] = (), places: Collection[str] = (), *, only: bool = False
    ) -> FeedKey:
        """The canonical key of these slugs.

        Raises:
            KeyTooLongError: they are more than one feed joins.
        """
        if len(set(topics)) > MAX_TOPICS or len(set(places)) > MAX_PLACES:
            raise KeyTooLongError
        return cls(tuple(sorted(set(topics))), tuple(sorted(set(places))), only and bool(places))

    @classmethod
    def read(cls, text: str) -> FeedKey | None:
        """What somebody typed, in Turkish or in capitals too; None for what cannot be a key.

        Raises:
            KeyTooLongError: as `of`.
        """
        if len(text) > MAX_LENGTH:
            return None
        head, at, tail = text.partition("@")
        topics, places = _slugs(head), _slugs(tail.removeprefix(ONLY))
        if not all(topics) or (at and not all(places)):
            return None
        named = () if ALL in topics else topics
        return cls.of(named, places if at else (), only=tail.startswith(ONLY))

    def __str__(self) -> str:
        topics = "+".join(self.topics) or ALL
        only = ONLY if self.is_local_only else ""
        return f"{topics}@{only}{'+'.join(self.places)}" if self.places else topics


def _slugs(text: str) -> list[str]:
    return [slugify(part) for part in text.split("+")]


def keys_of(
    topics: Collection[str] = (), places: Collection[str] = (), *, only: bool = False
) -> Iterator[FeedKey]:
    """The fewest keys that have all of these between them: one, as far as one feed joins them.

    What concerns the whole city comes by the first feed of some topics alone, and not once more by
    each feed of other places.
    """
    for some in _parts(topics, MAX_TOPICS):
        for number, where in enumerate(_parts(places, MAX_PLACES)):
            yield FeedKey.of(some, where, only=only or number > 0)


def _parts(slugs: Collection[str], most: int) -> list[list[str]]:
    ordered = sorted(set(slugs))
    return [ordered[at : at + most] for at in range(0, len(ordered), most)] or [[]]
