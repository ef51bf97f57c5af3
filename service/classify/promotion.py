"""May a new model replace the one in use? Compared on corrections that neither has learned from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.classify.decide import Thresholds

_EVEN = 0.5  # the probability at which a yes is as likely as a no: micro-F1 is measured here


@dataclass(frozen=True)
class Correction:
    """What the staff said about an article, and what two models say."""

    labels: Mapping[str, bool]
    old: Mapping[str, float]
    new: Mapping[str, float]


@dataclass(frozen=True)
class Score:
    """How one model does on some corrections."""

    micro_f1: float
    precision: float  # of what it would publish; 1 if it would publish nothing
    recall: float  # of what it should have published
    published: int

    @staticmethod
    def of(
        decisions: Iterable[tuple[Mapping[str, bool], Mapping[str, float]]], publish: float
    ) -> "Score":
        """Score pairs of labels and probabilities; only topics that somebody decided count."""
        pairs = [
            (is_right, probabilities.get(slug, 0.0))
            for labels, probabilities in decisions
            for slug, is_right in labels.items()
        ]
        positives = sum(is_right for is_right, _ in pairs)
        likely = [is_right for is_right, p in pairs if p >= _EVEN]
        sent = [is_right for is_right, p in pairs if p >= publish]
        return Score(
            micro_f1=_share(2 * sum(likely), len(likely) + positives),
            precision=_share(sum(sent), len(sent)),
            recall=_share(sum(sent), positives),
            published=len(sent),
        )


@dataclass(frozen=True)
class Comparison:
    """Both scores and the verdict, for the report to the staff."""

    corrections: int  # (article, topic) pairs
    old: Score
    new: Score

    @property
    def is_promoted(self) -> bool:
        """No worse in both, and something to judge by: with no corrections the old one stays."""
        return (
            self.corrections > 0
            and self.new.micro_f1 >= self.old.micro_f1
            and self.new.precision >= self.old.precision
        )


def compare(corrections: Sequence[Correction], thresholds: Thresholds) -> Comparison:
    """Score both models on the same corrections."""
    return Comparison(
        corrections=sum(len(one.labels) for one in corrections),
        old=Score.of(((one.labels, one.old) for one in corrections), thresholds.publish),
        new=Score.of(((one.labels, one.new) for one in corrections), thresholds.publish),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
