"""Near-duplicates: is this article the same story as one that people were told about?

Three words in a row, numbers included, are compared (Broder, "On the resemblance and containment of
documents", 1997). Numbers matter: without them 141 of 434 equal pairs of press texts were
different daily bulletins. A city's notices of water cuts are one template, filled in anew: they
share most triples, yet few of those with a number, and are kept apart by that.

Rewritten releases share too few words in a row; for them see ``service.classify.likeness``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from service.classify.text import Token, tokenise

WINDOW = timedelta(days=3)  # compare only articles this close, and about the same districts

_GRAM = 3
_MIN_JACCARD = 0.4
_MIN_CONTAINMENT = 0.8
_MIN_GRAMS = 20  # a shorter text is contained in too much; it must be equal
_MIN_NUMBERED = 3  # a single number is in up to three triples
_MIN_SAME_NUMBERS = 0.5  # of the numbered triples of the text that has fewer
_HAS_NUMBER = 1  # the lowest bit of a triple

Key = TypeVar("Key", bound=Hashable)


class _Size(NamedTuple):
    """How many triples, and how many of them have a number."""

    grams: int
    numbered: int

    @staticmethod
    def of(grams: Iterable[int]) -> "_Size":
        flags = [gram & _HAS_NUMBER for gram in grams]
        return _Size(len(flags), sum(flags))


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


def shingles(*texts: str) -> frozenset[int]:
    """Return the word triples of the fields of an article, as signed 64-bit numbers.

    The numbers are the same in every process and fit a BIGINT, so that they can be stored.
    """
    return frozenset(_number(gram) for text in texts for gram in _grams(tokenise(text)))


def is_same_story(a: frozenset[int], b: frozenset[int]) -> Match | None:
    """Return the reason why two articles are one story, or nothing."""
    return _judge(_Size.of(a & b), _Size.of(a), _Size.of(b))


def shared_passages(text: str, other: str, limit: int = 3) -> tuple[str, ...]:
    """Return the longest passages of a text that the other one has too: what staff look at."""
    common = shingles(other)
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
    memory that a city does not need (1,000 articles of three days: 20 MB) and estimates Jaccard
    alone; a short notice inside a long article, caught by containment, has a Jaccard near zero.
    """

    def __init__(self) -> None:
        self._sizes: dict[Key, _Size] = {}
        self._having: dict[int, list[Key]] = defaultdict(list)

    def add(self, key: Key, grams: frozenset[int]) -> None:
        """Take an article up; one key once."""
        if key in self._sizes:
            raise ValueError(f"article {key!r} is in the index already")
        self._sizes[key] = _Size.of(grams)
        for gram in grams:
            self._having[gram].append(key)

    def matches(self, grams: frozenset[int]) -> list[tuple[Key, Match]]:
        """Return the articles of the same story, the best match first."""
        shared: dict[Key, list[int]] = defaultdict(list)
        for gram in grams:
            for key in self._having.get(gram, ()):
                shared[key].append(gram)
        size = _Size.of(grams)
        found = [
            (key, match)
            for key, common in shared.items()
            if (match := _judge(_Size.of(common), size, self._sizes[key]))
        ]
        return sorted(found, key=lambda pair: (-pair[1].value, -pair[1].shared))


def _judge(shared: _Size, a: _Size, b: _Size) -> Match | None:
    if not shared.grams or not _has_same_numbers(shared, a, b):
        return None
    smaller = min(a.grams, b.grams)
    jaccard = shared.grams / (a.grams + b.grams - shared.grams)
    if jaccard == 1 or (jaccard >= _MIN_JACCARD and smaller >= _MIN_GRAMS):
        return Match(Measure.JACCARD, jaccard, shared.grams)
    if smaller >= _MIN_GRAMS and shared.grams / smaller >= _MIN_CONTAINMENT:
        return Match(Measure.CONTAINMENT, shared.grams / smaller, shared.grams)
    return None


def _has_same_numbers(shared: _Size, a: _Size, b: _Size) -> bool:
    """Tell a filled-in template from a copy; a text without numbers says nothing about this."""
    fewer = min(a.numbered, b.numbered)
    return fewer < _MIN_NUMBERED or shared.numbered >= _MIN_SAME_NUMBERS * fewer


def _grams(tokens: Sequence[Token]) -> Iterable[tuple[str, ...]]:
    shown = [token.shown for token in tokens]
    return zip(*(shown[i:] for i in range(_GRAM)), strict=False)


@lru_cache(maxsize=100_000)
def _number(gram: tuple[str, ...]) -> int:
    data = " ".join(gram).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    number = int.from_bytes(digest, "big", signed=True) & ~_HAS_NUMBER
    return number | _HAS_NUMBER if any(word[0].isdigit() for word in gram) else number
