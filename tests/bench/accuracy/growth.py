"""How the time grows with the length of a text that nobody writes in earnest, up to 5 MB."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from service.classify import ArticleText, Classifier, PlaceRules, Topic
from tests.bench.accuracy.row import Row

MB = 1_000_000
LENGTHS = (50_000, 160_000, 500_000, 1_600_000, 5 * MB)
_TRIES = (5, 3, 3, 1, 1)  # a long one takes long enough to average out other load
_LINEAR = 1.15  # twice the text in at most 2.2 times the time; quadratic is 2

_UNITS = {
    "news": "Konak’ta iklim krizi konuşuldu, belediye bugün duyurdu ki toplantı sürecek. ",
    "one word": "a",
    "apostrophes": "a'",
    "lost letters": "d?ş ü?kü ",
    "halves of phrases": "çevre ",
    "places in a line": "Konak, Buca ve ",
    "like a pattern": "(a+)+$ [iı]* \\w{9} ",
    "right to left": "\u202eمرحبا بالعالم ",
    "emoji": "🚲👩‍👩‍👧🇹🇷",
    "lone surrogates": "\ud800 iklim \udfff",
    "towers of marks": "a" + "\u0316\u0301" * 40,
}


@dataclass(frozen=True)
class Growth:
    """Seconds of one kind of text at each of ``LENGTHS``."""

    kind: str
    seconds: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """The slope in the log-log plot: 1 is linear."""
        slope, _ = np.polyfit(np.log(LENGTHS), np.log(self.seconds), 1)
        return float(slope)


def measure(classifier: Classifier) -> Iterator[Growth]:
    for kind, unit in _UNITS.items():
        yield Growth(kind, _seconds(classifier, unit))
    yield Growth("10,000 terms", _seconds(_ten_thousand_terms(), "kabcd kadım kjjjj iklim "))


def row_of(found: list[Growth]) -> Row:
    worst = max(found, key=lambda growth: growth.exponent)
    slowest = max(found, key=lambda growth: growth.seconds[-1])
    ours = (
        f"exponent {worst.exponent:.2f} ({worst.kind}); 5 MB in {slowest.seconds[-1]:.1f} s "
        f"({slowest.kind})"
    )
    return Row("Time by length of hostile text, worst of "
               f"{len(found)} kinds up to 5 MB", "", f"linear (exponent ≤ {_LINEAR})", ours,
               worst.exponent <= _LINEAR)  # fmt: skip


def _seconds(classifier: Classifier, unit: str) -> tuple[float, ...]:
    def run(length: int) -> Callable[[], object]:
        text = unit * (length // len(unit))
        article = ArticleText("Duyuru", text[:100], text)
        return lambda: classifier.classify(article)

    return tuple(
        min(_timed(run(length)) for _ in range(tries))
        for length, tries in zip(LENGTHS, _TRIES, strict=True)
    )


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _ten_thousand_terms() -> Classifier:
    terms = tuple("k" + "".join(letters) for letters in product("abcdefghij", repeat=4))
    return Classifier((Topic("all", "", "", "", "", terms),), PlaceRules(()))
