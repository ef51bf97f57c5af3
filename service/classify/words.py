"""The words of an article as the text model counts them: weighted keys.

A word counts under two keys, the first four and the first six letters of its match key: Turkish
puts its endings behind the stem, so a long and a short beginning stand for the stem with no
stemmer (Can et al., "Information retrieval on Turkish texts", JASIST 59(3), 2008, found the first
five letters as good as one). The match key makes İ/I, capitals and missing Turkish letters alike.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from service.classify.text import Field, Token

Words = Mapping[str, float]  # key → its occurrences, each with the weight of its place

_SHORT, _LONG = 4, 6


class Part(Protocol):
    """One field of an article, and how much each of its words counts."""

    @property
    def field(self) -> Field: ...

    def weight_at(self, token_index: int) -> float: ...


def keys_of(token: Token) -> tuple[str, str]:
    """Return the two keys under which a word counts."""
    folded = token.folded
    return folded[:_SHORT], folded[:_LONG]


def weigh(parts: Iterable[Part]) -> dict[str, float]:
    """Count the words of an article, each occurrence with the weight of its place."""
    words: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        for i, token in enumerate(part.field.tokens):
            weight = part.weight_at(i)
            for key in keys_of(token):
                words[key] += weight
    return dict(words)
