"""May a new model replace the one in use? Compared on corrections that neither has learned from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.classify.decide import Thresholds

_EVEN = 0.5  # the probability at which a yes is as likely as a no: micro-F1 is measured here
_USUAL = Thresholds()


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
    precision: float | None  # of what it would publish; none if it would publish nothing
    recall: float  # of what it should have published
    published: int

    @staticmethod
    def of(
        decisions: Iterable[tuple[Mapping[str, bool], Mapping[str, float]]],
        thresholds: Mapping[str, Thresholds],
    ) -> "Score":
        """Score pairs of labels and probabilities; only topics that somebody decided count."""
        pairs = [
            (is_right, probabilities.get(slug, 0.0), thresholds.get(slug, _USUAL).publish)
            for labels, probabilities in decisions
            for slug, is_right in labels.items()
        ]
        positives = sum(is_right for is_right, _, _ in pairs)
        likely = [is_right for is_right, p, _ in pairs if p >= _EVEN]
        sent = [is_right for is_right, p, publish in pairs if p >= publish]
        return Score(
            micro_f1=_share(2 * sum(likely), len(likely) + positives),
            precision=sum(sent) / len(sent) if sent else None,
            recall=_share(sum(sent), positives),
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
        old=Score.of(((one.labels, one.old) for one in corrections), thresholds),
        new=Score.of(((one.labels, one.new) for one in corrections), thresholds),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
