"""Learns from articles that nobody has labelled, given topics of which each article has one.

Three rounds: take the articles of which the scores so far are surest, fit the text model to them,
and average it with the terms (Yarowsky, "Unsupervised word sense disambiguation rivaling supervised
methods", ACL 1995; numbers from the classification guide, section 5).

Measured, not used: the outcome ranks and is no probability, and with several topics an article it
makes the service over-sure. There archives count as weak labels beside decisions (``train``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.classify.features import Floats, Vocabulary
from service.classify.linear import fit_linear, matrix
from service.classify.words import Words

_ROUNDS = 3
_SUREST = 0.6  # of the articles that a topic seems to have


@dataclass(frozen=True, eq=False)
class SelfTrained:
    """Term scores and a text model learned from them, on one scale."""

    vocabulary: Vocabulary
    weights: Floats  # words × topics
    bias: Floats
    seed_mean: Floats
    seed_deviation: Floats
    text_mean: Floats
    text_deviation: Floats

    def scores(self, words: Words, seeds: Floats) -> Floats:
        """Return a score per topic, in standard deviations of the archive; the highest is best."""
        indices, values = self.vocabulary.vector(words)
        text = values @ self.weights[indices] + self.bias
        z = (text - self.text_mean) / self.text_deviation
        found: Floats = ((seeds - self.seed_mean) / self.seed_deviation + z) / 2
        return found


def self_train(documents: Sequence[Words], seeds: Floats) -> SelfTrained:
    """Learn from documents (rows of ``seeds``) and the scores of their terms (columns: topics)."""
    vocabulary = Vocabulary.of(documents)
    vectors = matrix(vocabulary, documents)
    seed_mean, seed_deviation = _moments(seeds)
    terms = (seeds - seed_mean) / seed_deviation
    scores = terms
    for _ in range(_ROUNDS):
        best = scores.argmax(axis=1)
        rows = _surest(scores, best)
        fitted = [fit_linear(vectors[rows], best[rows] == k) for k in range(seeds.shape[1])]
        weights = np.stack([weights for weights, _ in fitted], axis=1)
        bias = np.array([bias for _, bias in fitted])
        text = vectors @ weights + bias
        text_mean, text_deviation = _moments(text)
        scores = (terms + (text - text_mean) / text_deviation) / 2
    return SelfTrained(
        vocabulary, weights, bias, seed_mean, seed_deviation, text_mean, text_deviation
    )


def _surest(scores: Floats, best: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the articles whose best topic leads the second best by most, for each topic."""
    ordered = np.sort(scores, axis=1)
    lead = ordered[:, -1] - ordered[:, -2]
    kept = []
    for k in range(scores.shape[1]):
        rows = np.flatnonzero(best == k)
        count = round(_SUREST * len(rows))
        kept.append(rows[np.argsort(-lead[rows], kind="stable")[:count]])
    return np.sort(np.concatenate(kept))


def _moments(scores: Floats) -> tuple[Floats, Floats]:
    deviation = scores.std(axis=0)
    return scores.mean(axis=0), np.where(deviation > 0, deviation, 1.0)
