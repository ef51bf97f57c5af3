"""One line of the table, and the interval of chance around a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Row:
    """A check: what the guide measured, what it requires, and what we reach."""

    name: str
    measured: str  # in the guide, with the prototypes
    required: str
    ours: str
    passes: bool | None  # None: for information
    key: str = ""  # in the JSON line
    value: float | None = None


def interval(size: int, score: Callable[[Rows], float], rounds: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a score over ``size`` items (Efron 1979, percentiles)."""
    rng = np.random.default_rng(0)
    scores = [score(rng.integers(size, size=size)) for _ in range(rounds)]
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def percent(value: float, bounds: tuple[float, float] | None = None) -> str:
    shown = f"{100 * value:.1f}"
    return f"{shown} ({100 * bounds[0]:.1f}–{100 * bounds[1]:.1f})" if bounds else shown
