"""Joins terms and text model: ``logit p = a·seed + b·z + c`` for each topic.

``seed`` is the logit that the terms give, ``z`` the text model's score in standard deviations.
It starts as the day-one model (a = 1, b = c = 0) and is learned in two steps, because five
decisions on one topic say little and those on all topics together say a lot: first one (a, b, c)
for all topics with a few labels, then, from ten labels of each kind, a topic's own, pulled towards
the shared one. Both are fitted on out-of-fold scores: on articles that the text model was trained
on it looks far surer than it is.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.classify.calibrate import fit_logistic, log_loss
from service.classify.features import Floats

MIN_SHARED = 5  # labels of each kind before a topic's text score counts at all
MIN_OWN = 10  # and before it has its own weights; from 15 is no safer and learns later

_ROUNDING = 1e-9  # fifty tenths are five
_DAY_ONE = np.array([1.0, 0.0, 0.0])
_SHARED_PENALTY = 0.3  # many labels: 3 kept the sum below the text model alone (docs/accuracy.md)
_OWN_PENALTY = 3.0  # classification guide, section 5


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of some articles (rows) and topics (columns)."""

    seed: Floats  # logits of the terms
    text: Floats  # out-of-fold scores of the text model, standardised
    labels: npt.NDArray[np.bool_]
    counts: Floats  # how much the label counts: 1 decided by a person, 0 not known

    def inputs(self, topic: int) -> "Inputs":
        """Return what is known for a topic."""
        rows = self.counts[:, topic] > 0
        seed, text = self.seed[rows, topic], self.text[rows, topic]
        numbers = np.stack([seed, text, np.ones(len(seed))], axis=1)
        return Inputs(numbers, self.labels[rows, topic], self.counts[rows, topic])


class Inputs(NamedTuple):
    """The rows [seed, z, 1] that are known for a topic, their labels, and what these count."""

    rows: Floats
    labels: npt.NDArray[np.bool_]
    counts: Floats


def has_enough(labels: npt.NDArray[np.bool_], counts: Floats, minimum: int) -> bool:
    """Tell whether there are that many labels of both kinds, each as much as it counts."""
    positives = counts[labels].sum()
    return bool(min(positives, counts.sum() - positives) >= minimum - _ROUNDING)


def fit_stack(known: Evidence) -> Floats:
    """Return the rows (a, b, c) of the topics; b = 0 leaves a topic to its terms.

    A topic takes its text score only where that lowers the out-of-fold log-loss, and never upside
    down.
    """
    topics = [known.inputs(k) for k in range(known.seed.shape[1])]
    seeds_only = _fit_seeds(topics)
    usable = [topic for topic in topics if has_enough(topic.labels, topic.counts, MIN_SHARED)]
    if not usable:
        return np.tile(seeds_only, (len(topics), 1))
    joined = _joined(usable)
    shared = fit_logistic(joined.rows, joined.labels, _DAY_ONE, _SHARED_PENALTY, joined.counts)
    return np.array([_fit_topic(topic, shared, seeds_only) for topic in topics])


def _fit_topic(topic: Inputs, shared: Floats, seeds_only: Floats) -> Floats:
    rows, labels, counts = topic
    if not has_enough(labels, counts, MIN_SHARED):
        return seeds_only
    weights = shared
    if has_enough(labels, counts, MIN_OWN):
        weights = fit_logistic(rows, labels, shared, _OWN_PENALTY, counts)
    before = log_loss(rows @ seeds_only, labels, counts)
    improves = log_loss(rows @ weights, labels, counts) < before
    return weights if improves and weights[1] > 0 else seeds_only


def _fit_seeds(topics: list[Inputs]) -> Floats:
    """Calibrate the terms alone, one line for all topics, starting from day one."""
    rows, labels, counts = _joined(topics)
    a, c = fit_logistic(rows[:, [0, 2]], labels, _DAY_ONE[[0, 2]], _OWN_PENALTY, counts)
    return np.array([a, 0.0, c])


def _joined(topics: list[Inputs]) -> Inputs:
    return Inputs(*(np.concatenate(parts) for parts in zip(*topics, strict=True)))
