"""From weighted hits to a probability and a band: the day-one method, before anything is learned.

Score of a topic: sum over its terms of ``weight · log1p(weighted hits) / log2(8 + tokens)``. All
numbers come from the classification guide, section 4: fitted on 21 municipal samples, to be
refitted on decisions of staff.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TITLE_WEIGHT = 3.0
LEAD_WEIGHT = 1.0
REST_WEIGHT = 0.2
LEAD_TOKENS = 60  # summary and body together; news says what it is about in its lead

# Logistic regression on the score, its share of the best topic's score, and log1p of it.
SCORE_FACTOR = 4.7
SHARE_FACTOR = 4.4
LOG_FACTOR = 3.9
INTERCEPT = -5.0

_SMOOTHING = 8  # tokens: keeps a bare title from scoring like a whole article


class Band(StrEnum):
    """What happens to a label without a person."""

    PUBLISH = "publish"
    REVIEW = "review"
    DROP = "drop"


@dataclass(frozen=True)
class Thresholds:
    """Lowest probabilities of the publish and the review band, 0 ≤ review ≤ publish ≤ 1."""

    publish: float = 0.60
    review: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.review <= self.publish <= 1:
            raise ValueError("thresholds must satisfy 0 <= review <= publish <= 1")

    def with_own(self, publish: float | None, review: float | None) -> "Thresholds":
        """Return these with one topic's own; a lower publish takes the review down with it."""
        own = self.publish if publish is None else publish
        return Thresholds(own, min(own, self.review if review is None else review))

    def band(self, probability: float) -> Band:
        """Return the band that a probability falls into."""
        if probability >= self.publish:
            return Band.PUBLISH
        return Band.REVIEW if probability >= self.review else Band.DROP


def contribution(term_weight: float, weighted_hits: float, token_count: int) -> float:
    """Return what one term adds to the score of its topic."""
    return term_weight * math.log1p(weighted_hits) / math.log2(_SMOOTHING + token_count)


def probabilities(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the probability per topic of one article; scores are ≥ 0, zeros may be left out."""
    best = max(scores.values(), default=0.0)
    return {slug: _probability(score, best) for slug, score in scores.items()}


def _probability(score: float, best: float) -> float:
    share = score / best if best > 0 else 0.0
    logit = SCORE_FACTOR * score + SHARE_FACTOR * share + LOG_FACTOR * math.log1p(score) + INTERCEPT
    return 1 / (1 + math.exp(-logit))
