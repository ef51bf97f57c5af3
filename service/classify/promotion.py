"""May a new model replace the one in use? Compared on corrections that neither has learned from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.classify.decide import Thresholds

_EVEN = 0.5  # the probability at which a yes is as likely as a no: micro-F1 is measured here
DOUBT = 0.1  # of a label: what a topic counts of which nobody said anything
_USUAL = Thresholds()


@dataclass(frozen=True)
class Correction:
    """What the staff said about an article, and what two models say."""

    labels: Mapping[str, bool]
    old: Mapping[str, float]
    new: Mapping[str, float]
    doubtful: frozenset[str] = frozenset()  # topics of which nobody said anything: likely a no


class _Pair(NamedTuple):
    """An article and a topic: is it right, is it even likely, would it be published."""

    is_right: bool
    is_likely: bool
    is_sent: bool
    weight: float


@dataclass(frozen=True)
class Score:
    """How one model does on some corrections."""

    micro_f1: float
    precision: float | None  # of what it would publish; none if it would publish nothing
    recall: float  # of what it should have published
    published: int

    @staticmethod
    def of(
        corrections: Iterable[Correction],
        found: Callable[[Correction], Mapping[str, float]],
        thresholds: Mapping[str, Thresholds],
    ) -> "Score":
        """Score what was found; topics that nobody decided count little or nothing."""
        pairs = [
            _Pair(
                one.labels.get(slug, False),
                (p := found(one).get(slug, 0.0)) >= _EVEN,
                p >= thresholds.get(slug, _USUAL).publish,
                1.0 if slug in one.labels else DOUBT,
            )
            for one in corrections
            for slug in one.labels.keys() | one.doubtful
        ]
        positives = sum(pair.weight for pair in pairs if pair.is_right)
        likely = [pair for pair in pairs if pair.is_likely]
        sent = [pair for pair in pairs if pair.is_sent]
        return Score(
            micro_f1=_share(2 * _right(likely), _weight(likely) + positives),
            precision=_right(sent) / _weight(sent) if sent else None,
            recall=_share(_right(sent), positives),
            published=len(sent),
        )


@dataclass(frozen=True)
class Comparison:
    """Both scores and the verdict, for the report to the staff."""

    articles: int
    corrections: int  # (article, topic) pairs
    old: Score
    new: Score

    @property
    def is_no_worse(self) -> bool:
        """In both, given something to judge by: with no corrections the old one stays.

        One that publishes nothing makes no mistakes, which says nothing for it.
        """
        old, new = self.old, self.new
        if not self.corrections or new.micro_f1 < old.micro_f1:
            return False
        return old.precision is None or new.precision is None or new.precision >= old.precision


def compare(corrections: Sequence[Correction], thresholds: Mapping[str, Thresholds]) -> Comparison:
    """Score both models on the same corrections; a topic without thresholds has the usual ones."""
    return Comparison(
        articles=len(corrections),
        corrections=sum(len(one.labels) for one in corrections),
        old=Score.of(corrections, lambda one: one.old, thresholds),
        new=Score.of(corrections, lambda one: one.new, thresholds),
    )


def _weight(pairs: Iterable[_Pair]) -> float:
    return sum(pair.weight for pair in pairs)


def _right(pairs: Iterable[_Pair]) -> float:
    return sum(pair.weight for pair in pairs if pair.is_right)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
