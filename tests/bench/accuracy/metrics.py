"""F1, calibration error and their kin, on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
_BINS = 10


def macro_f1(truth: Ints, guess: Ints) -> float:
    """The mean over classes of F1, for single labels."""
    scores = []
    for label in np.unique(truth):
        hits = int(((truth == label) & (guess == label)).sum())
        scores.append(2 * hits / int((truth == label).sum() + (guess == label).sum()))
    return float(np.mean(scores))


def micro_f1(truth: Bools, guess: Bools) -> float:
    total = int(truth.sum() + guess.sum())
    return 2 * int((truth & guess).sum()) / total if total else 1.0


def calibration_error(truth: Bools, probability: Floats) -> float:
    """ECE: how far probabilities are from shares, over ten bins of equal width."""
    flat, p = truth.ravel(), probability.ravel()
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            abs(flat[bins == number].mean() - p[bins == number].mean()) * (bins == number).mean()
            for number in np.unique(bins)
        )
    )
