"""From scores to probabilities: a small logistic regression that starts from what is believed.

Platt (1999) fits ``p = σ(a·score + b)``; here the number of inputs is free and the answer is pulled
towards a prior, so that a few decisions of staff move a probability a little and many move it all
the way.
"""

import numpy as np
import numpy.typing as npt

from service.classify.features import Floats

_ROUNDS = 50
_MIN_GAIN = 1e-10  # relative; Newton's last steps double the digits each
_CLIP = 1e-6  # a logit beyond ±14 says no more


def logit(probability: Floats) -> Floats:
    """Return log(p / (1 − p)), finite also for 0 and 1."""
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    return np.log(p) - np.log1p(-p)


def sigmoid(score: Floats) -> Floats:
    """Return 1 / (1 + e^−x) without overflow."""
    return np.exp(-np.logaddexp(0.0, -score))


def log_loss(score: Floats, labels: npt.NDArray[np.bool_], counts: Floats | None = None) -> float:
    """Return the mean loss of logits; lower is better, and only honest probabilities get low."""
    return float(np.average(_losses(score, labels), weights=counts))


def fit_logistic(
    inputs: Floats,
    labels: npt.NDArray[np.bool_],
    prior: Floats,
    penalty: float,
    counts: Floats | None = None,
) -> Floats:
    """Minimise log-loss + penalty·|weights − prior|² over the rows; the minimum is unique.

    ``counts`` is how much each row counts; without, each counts 1.

    Newton's method with halved steps: without them it runs away where a topic is separable.
    """
    weights = prior.copy()
    counts = np.ones(len(inputs)) if counts is None else counts
    best = _objective(inputs, labels, prior, penalty, weights, counts)
    for _ in range(_ROUNDS):
        p = sigmoid(inputs @ weights)
        gradient = inputs.T @ (counts * (p - labels)) + 2 * penalty * (weights - prior)
        curvature = (inputs.T * (counts * p * (1 - p))) @ inputs
        curvature += 2 * penalty * np.eye(len(prior))
        step = np.linalg.solve(curvature, gradient)
        loss = _objective(inputs, labels, prior, penalty, weights - step, counts)
        while loss > best and np.abs(step).max() > _MIN_GAIN:
            step = step / 2
            loss = _objective(inputs, labels, prior, penalty, weights - step, counts)
        if best - loss <= _MIN_GAIN * abs(best):
            break
        weights, best = weights - step, loss
    return weights


def _objective(
    inputs: Floats,
    labels: npt.NDArray[np.bool_],
    prior: Floats,
    penalty: float,
    weights: Floats,
    counts: Floats,
) -> float:
    loss = (counts * _losses(inputs @ weights, labels)).sum()
    return float(loss + penalty * ((weights - prior) ** 2).sum())


def _losses(score: Floats, labels: npt.NDArray[np.bool_]) -> Floats:
    found: Floats = np.logaddexp(0.0, np.where(labels, -score, score))
    return found
