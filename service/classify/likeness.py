"""A hint that two articles may tell the same thing in other words. Staff decide, nothing is merged.

The cosine of two TF-IDF vectors. How rare a word is must come from the city's own archive: with
frequencies of general news, any two articles that open with the mayor's title look alike. On five
pairs of rewritten releases among 107 municipal items the pairs reach 0.27 to 0.62, nearly all
others stay below 0.25.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.classify.features import IDF_POWER, Words

HINT_FROM = 0.25


@dataclass(frozen=True)
class Archive:
    """How many articles of a city have each word."""

    counts: Mapping[str, int]
    articles: int

    @staticmethod
    def of(documents: Iterable[Words]) -> "Archive":
        """Count the words of all articles of a city, or of a good sample."""
        documents = list(documents)
        return Archive(Counter(key for words in documents for key in words), len(documents))

    def likeness(self, a: Words, b: Words) -> float:
        """Return the cosine of two articles, from 0 to 1; show a hint from ``HINT_FROM``."""
        ours, theirs = self._vector(a), self._vector(b)
        lengths = math.hypot(*ours.values()) * math.hypot(*theirs.values())
        shared = sum(value * theirs[key] for key, value in ours.items() if key in theirs)
        return min(1.0, shared / lengths) if lengths else 0.0

    def _vector(self, words: Words) -> dict[str, float]:
        return {
            key: math.log1p(weight)
            * (math.log((1 + self.articles) / (1 + self.counts.get(key, 0))) + 1) ** IDF_POWER
            for key, weight in words.items()
        }
