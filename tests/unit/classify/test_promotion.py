"""Which model may replace which."""

import pytest

from service.classify.decide import Thresholds
from service.classify.promotion import Comparison, Correction, compare

LABELS = {"a": True, "b": False, "c": True}


def comparison(old: list[float], new: list[float]) -> Comparison:
    before, after = dict(zip("abc", old, strict=True)), dict(zip("abc", new, strict=True))
    return compare([Correction(LABELS, before, after)], Thresholds())


def test_scores_are_those_of_the_decided_topics() -> None:
    found = comparison([0.7, 0.65, 0.1], [0.9, 0.1, 0.55])

    assert found.corrections == 3
    assert (found.old.precision, found.old.recall, found.old.published) == (0.5, 0.5, 2)
    assert found.old.micro_f1 == pytest.approx(0.5)
    assert (found.new.micro_f1, found.new.precision, found.new.recall) == (1.0, 1.0, 0.5)
    assert found.is_promoted


@pytest.mark.parametrize(
    ("new", "is_promoted"),
    [
        ([0.7, 0.1, 0.1], True),  # equal
        ([0.7, 0.1, 0.7], True),
        ([0.4, 0.1, 0.1], False),  # finds less
        ([0.7, 0.65, 0.7], False),  # finds more, publishes something wrong
    ],
)
def test_only_a_model_that_is_no_worse_in_both_is_promoted(
    new: list[float], is_promoted: bool
) -> None:
    assert comparison([0.7, 0.1, 0.1], new).is_promoted is is_promoted


def test_without_corrections_the_old_model_stays() -> None:
    assert not compare([], Thresholds()).is_promoted


def test_topic_that_a_model_does_not_know_is_a_no() -> None:
    found = compare([Correction({"a": True}, {}, {"a": 0.9})], Thresholds())

    assert (found.old.recall, found.new.recall) == (0.0, 1.0)
