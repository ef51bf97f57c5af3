"""Whether a figure grows: a line through its second half, and how sure its slope is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 5  # readings of the second half, below which nothing is said
SIGMAS = 3.0
MATTERS = 0.05  # of its own mean an hour: less than that is no growth that anybody would meet

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Trend:
    """`slope` an hour and its standard error; `level` is the mean of the second half."""

    slope: float
    error: float
    level: float
    readings: int

    @property
    def verdict(self) -> str:
        """`too few readings`, `grows`, or `no growth found`: a slope counts where it is three times
        its error and more than a twentieth of the level an hour."""
        if self.readings < FEWEST:
            return "too few readings"
        is_sure = self.slope > SIGMAS * self.error
        matters = self.slope > MATTERS * abs(self.level)
        return "grows" if is_sure and matters else "no growth found"


def trend(points: Points) -> Trend:
    """Of readings (seconds, value) in their order; the first half of the time does not count."""
    half = (points[0][0] + points[-1][0]) / 2 if points else 0.0
    late = [(at / 3600, value) for at, value in points if at >= half]
    if len(late) < 3:
        return Trend(0.0, math.inf, late[-1][1] if late else 0.0, len(late))
    line = statistics.linear_regression(*zip(*late, strict=True))
    rest = sum((value - line.intercept - line.slope * at) ** 2 for at, value in late)
    middle = statistics.fmean(at for at, _ in late)
    spread = sum((at - middle) ** 2 for at, _ in late)
    error = math.sqrt(rest / (len(late) - 2) / spread)
    return Trend(line.slope, error, statistics.fmean(value for _, value in late), len(late))
