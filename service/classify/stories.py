"""Near-duplicates: is this article the same story as one that people were told about?

Three words in a row, numbers included, are compared (Broder, "On the resemblance and containment of
documents", 1997). Numbers matter: without them 141 of 434 equal pairs of press texts were
different daily bulletins. A city's notices of water cuts are one template, filled in anew: they
share most triples, and are kept apart by their details (``service.classify.details``).

Rewritten releases share too few words in a row and stay two stories.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from service.classify.details import Details, details_of
from service.classify.text import Field, Token, tokenise

WINDOW = timedelta(days=3)  # compare only articles this close, and about the same districts

_GRAM = 3
_MIN_JACCARD = 0.4
_MIN_CONTAINMENT = 0.8
_MIN_GRAMS = 20  # a shorter text is contained in too much; it must be equal

Key = TypeVar("Key", bound=Hashable)


class Measure(StrEnum):
    """Which of the two rules made two articles one story."""

    JACCARD = "jaccard"  # shared, of all word triples of both
    CONTAINMENT = "containment"  # shared, of those of the shorter article


@dataclass(frozen=True)
class Match:
    """Why two articles are one story."""

    measure: Measure
    value: float
    shared: int  # word triples in both


@dataclass(frozen=True, slots=True)
class Shingles:
    """What is compared of an article: its word triples, and the words that make it this event."""

    grams: frozenset[int]
    details: Details


def shingles(*texts: str) -> Shingles:
    """Return what is compared of an article, given its fields, the title first.

    The numbers of the word triples are the same in every process.
    """
    fields = [Field(text) for text in texts]
    grams = frozenset(_number(gram) for field in fields for gram in _grams(field.tokens))
    return Shingles(grams, details_of(fields))


def is_same_story(a: Shingles, b: Shingles) -> Match | None:
    """Return the reason why two articles are one story, or nothing."""
    return _judge(len(a.grams & b.grams), a, b)


def shared_passages(text: str, other: str, limit: int = 3) -> tuple[str, ...]:
    """Return the longest passages of a text that the other one has too: what staff look at."""
    common = shingles(other).grams
    tokens = tokenise(text)
    ends: list[tuple[int, int]] = []  # first and last token of each passage
    for i, gram in enumerate(_grams(tokens)):
        if _number(gram) not in common:
            continue
        last = i + _GRAM - 1
        if ends and i <= ends[-1][1]:
            ends[-1] = ends[-1][0], last
        else:
            ends.append((i, last))
    longest = sorted(ends, key=lambda end: (end[0] - end[1], end[0]))[:limit]
    return tuple(text[tokens[first].start : tokens[last].end] for first, last in longest)


class StoryIndex(Generic[Key]):
    """Recent articles, found by the word triples they share with a new one.

    An inverted index: from triple to articles. Counting over it gives both measures exactly, at
    the cost of one look-up a triple, since few articles share any. MinHash with LSH would save
    memory that a city does not need (1,000 articles of three days: 50 MB) and estimates Jaccard
    alone; a short notice inside a long article, caught by containment, has a Jaccard near zero.
    """

    def __init__(self) -> None:
        self._known: dict[Key, Shingles] = {}
        self._having: dict[int, list[Key]] = defaultdict(list)

    def add(self, key: Key, own: Shingles) -> None:
        """Take an article up; one key once."""
        if key in self._known:
            raise ValueError(f"article {key!r} is in the index already")
        self._known[key] = own
        for gram in own.grams:
            self._having[gram].append(key)

    def matches(self, own: Shingles) -> list[tuple[Key, Match]]:
        """Return the articles of the same story, the best match first."""
        shared = Counter(key for gram in own.grams for key in self._having.get(gram, ()))
        found = [
            (key, match)
            for key, count in shared.items()
            if (match := _judge(count, own, self._known[key]))
        ]
        return sorted(found, key=lambda pair: (-pair[1].value, -pair[1].shared))


def _judge(shared: int, a: Shingles, b: Shingles) -> Match | None:
    match = _compare(shared, len(a.grams), len(b.grams))
    return match if match is not None and _tell_the_same(a, b) else None


def _compare(shared: int, a: int, b: int) -> Match | None:
    if not shared:
        return None
    smaller = min(a, b)
    jaccard = shared / (a + b - shared)
    if jaccard == 1 or (jaccard >= _MIN_JACCARD and smaller >= _MIN_GRAMS):
        return Match(Measure.JACCARD, jaccard, shared)
    if smaller >= _MIN_GRAMS and shared / smaller >= _MIN_CONTAINMENT:
        return Match(Measure.CONTAINMENT, shared / smaller, shared)
    return None


def _tell_the_same(a: Shingles, b: Shingles) -> bool:
    """The longer text may add details, the shorter one has none of its own."""
    return all(
        one.details.are_in(other.details)
        for one, other in ((a, b), (b, a))
        if len(one.grams) <= len(other.grams)
    )


def _grams(tokens: Sequence[Token]) -> Iterable[tuple[str, ...]]:
    shown = [token.shown for token in tokens]
    return zip(*(shown[i:] for i in range(_GRAM)), strict=False)


def _number(gram: tuple[str, ...]) -> int:
    data = " ".join(gram).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
