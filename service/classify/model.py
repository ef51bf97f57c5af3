"""The learned model: how to get from words and terms to probabilities, with NumPy alone.

Workers that only infer import this module and never ``train``: scikit-learn and SciPy would cost
each of them 100 MB and a second.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.classify import decide
from service.classify.calibrate import logit, sigmoid
from service.classify.features import Floats, Vocabulary
from service.classify.words import Part, Words, keys_of, weigh

_EVIDENCE = 5  # words shown for a label; more persuade nobody
_MIN_SHOWN = 4  # letters of such a word; most shorter ones say nothing (ve, bir, ile)


@dataclass(frozen=True)
class Facts:
    """Where a model comes from, for the record beside it and for the staff."""

    terms: str  # version of the terms whose scores it was trained with
    data: str  # fingerprint of the examples
    articles: int
    positives: Mapping[str, int]  # decisions of the staff, by topic
    negatives: Mapping[str, int]


class Contribution(NamedTuple):
    """A word that speaks for a topic: ``parts[part].field.original[start:end]``, first seen.

    ``weight`` is what all its occurrences add to the logit of the probability.
    """

    word: str
    part: int
    start: int
    end: int
    weight: float


@dataclass(frozen=True, eq=False)
class Model:
    """Immutable, and safe to share between threads. Row k of the arrays is ``topics[k]``."""

    topics: tuple[str, ...]
    vocabulary: Vocabulary
    weights: npt.NDArray[np.float32]  # keys × topics
    bias: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float64]  # of the out-of-fold scores of the text
    deviation: npt.NDArray[np.float64]
    stack: Floats  # topics × (a, b, c), see service.classify.stack
    facts: Facts
    version: str  # names the content: equal models have equal versions

    @cached_property
    def _places(self) -> dict[str, int]:
        return {slug: k for k, slug in enumerate(self.topics)}

    def text_scores(self, words: Words) -> Floats:
        """Return the score of each topic by the text model alone, in log-odds, not calibrated."""
        indices, values = self.vocabulary.vector(words)
        return (values @ self.weights[indices] + self.bias).astype(np.float64)

    def probabilities(self, words: Words, seeds: Mapping[str, float]) -> dict[str, float]:
        """Return the probability of every topic of the model.

        ``seeds`` are probabilities by terms alone; a topic that is missing there has no hits. One
        that the model does not know yet keeps the probability it has.
        """
        none = decide.probabilities({"": 0.0})[""]
        seed = logit(np.array([seeds.get(slug, none) for slug in self.topics]))
        z = (self.text_scores(words) - self.mean) / self.deviation
        a, b, c = self.stack.T
        found = sigmoid(a * seed + b * z + c)
        return {**seeds, **dict(zip(self.topics, found.tolist(), strict=True))}

    def explain(
        self, parts: Iterable[Part], slug: str, limit: int = _EVIDENCE
    ) -> tuple[Contribution, ...]:
        """Return the words that speak most for a topic, best first; none if text plays no role."""
        k = self._places.get(slug)
        if k is None or self.stack[k, 1] <= 0:
            return ()
        parts = list(parts)
        of_key = self._contributions(weigh(parts), k)
        first: dict[str, Contribution] = {}
        for number, part in enumerate(parts):
            for token in part.field.tokens:
                if len(token.folded) < _MIN_SHOWN or token.folded in first:
                    continue
                weight = sum(of_key.get(key, 0.0) for key in set(keys_of(token)))
                if weight > 0:
                    first[token.folded] = Contribution(
                        token.shown, number, token.start, token.end, weight
                    )
        best = sorted(first.values(), key=lambda found: (-found.weight, found.part, found.start))
        return tuple(_without_kin(best)[:limit])

    def _contributions(self, words: Words, k: int) -> dict[str, float]:
        """Return what each key adds to the logit of a topic."""
        indices, values = self.vocabulary.vector(words)
        scale = self.stack[k, 1] / self.deviation[k]
        added = values * self.weights[indices, k] * scale
        return dict(zip((self.vocabulary.keys[i] for i in indices), map(float, added), strict=True))


def _without_kin(found: list[Contribution]) -> list[Contribution]:
    """Keep one of each family of forms: *konser* beside *konserde* tells nothing new."""
    kept: dict[str, Contribution] = {}
    for one in found:
        kept.setdefault(one.word[:4], one)
    return list(kept.values())
