"""Learning curves: what each number of decisions is worth, and whether joining ever hurts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.bench.accuracy.data import Evaluation, Press
from tests.bench.accuracy.metrics import macro_f1
from tests.bench.accuracy.press import by_both, by_text, day_one, few_of, fitted, folds
from tests.bench.accuracy.row import Row

COUNTS = (1, 2, 5, 10, 20, 40, 80)  # labels a class; the last point of a curve is all of them
_SLACK = 0.005


@dataclass(frozen=True)
class Point:
    """Scores at one number of labels a class."""

    labels: int
    terms: float
    text: float
    both: float
    archive: float | None  # both, with the unlabelled rest; None where there is no rest

    @property
    def shortfall(self) -> float:
        """How far the whole stays behind the better of its parts."""
        return max(self.terms, self.text) - self.both


@dataclass(frozen=True)
class Curve:
    name: str
    measure: str
    points: tuple[Point, ...]


def press_curve(name: str, press: Press) -> Curve:
    """Five folds; of the known four, so many labels of each class."""
    everything = len(press.labels) * 4 // 5 // len(press.texts.topics)
    points = tuple(_point(press, count) for count in (*COUNTS, everything))
    return Curve(name, "macro-F1", points)


def _point(press: Press, count: int) -> Point:
    guesses = {part: np.zeros(len(press.labels), dtype=np.intp) for part in ("text", "both", "all")}
    archive: list[int] = []
    for number, (known, hidden) in enumerate(folds(press, 5)):
        # The last point takes all labels, also those of the bigger classes.
        is_last = count not in COUNTS
        labelled, archive = few_of(press, known, len(known) if is_last else count, number)
        rows = hidden.tolist()
        model = fitted(press, labelled)
        guesses["text"][hidden] = by_text(model, press, rows)
        guesses["both"][hidden] = by_both(model, press, rows)
        if archive:
            guesses["all"][hidden] = by_both(fitted(press, labelled, archive), press, rows)
    scores = {part: macro_f1(press.labels, guess) for part, guess in guesses.items()}
    terms = macro_f1(press.labels, day_one(press, range(len(press.labels))))
    return Point(count, terms, scores["text"], scores["both"], scores["all"] if archive else None)


def curves_of(data: Evaluation) -> Iterator[Curve]:
    yield press_curve("TTC-3600 dev, one class a text", data.ttc)
    yield press_curve("NewsCat, one class a text", data.newscat_train + data.newscat_val)


def row_of(curves: list[Curve]) -> Row:
    shortfall, where, labels = max(
        (point.shortfall, curve.name, point.labels) for curve in curves for point in curve.points
    )
    return Row(
        "Both never behind the better part, at any number of labels",
        "",
        f"≤ {_SLACK}",
        f"{shortfall:+.4f} ({where}, {labels})",
        shortfall <= _SLACK,
    )
