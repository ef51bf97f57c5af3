"""Which model may replace which."""

import pytest

from service.classify.decide import Thresholds
from service.classify.promotion import Comparison, Correction, compare

LABELS = {"a": True, "b": False, "c": True}


def comparison(old: list[float], new: list[float]) -> Comparison:
    before, after = dict(zip("abc", old, strict=True)), dict(zip("abc", new, strict=True))
    return compare([Correction(LABELS, before, after)], {})


def test_scores_are_those_of_the_decided_topics() -> None:
    found = comparison([0.7, 0.65, 0.1], [0.9, 0.1, 0.55])

    assert found.corrections == 3
    assert (found.old.precision, found.old.recall, found.old.published) == (0.5, 0.5, 2)
    assert found.old.micro_f1 == pytest.approx(0.5)
    assert (found.new.micro_f1, found.new.precision, found.new.recall) == (1.0, 1.0, 0.5)
    assert found.is_no_worse


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
    assert comparison([0.7, 0.1, 0.1], new).is_no_worse is is_promoted


def test_without_corrections_the_old_model_stays() -> None:
    assert not compare([], {}).is_no_worse


def test_topic_that_a_model_does_not_know_is_a_no() -> None:
    found = compare([Correction({"a": True}, {}, {"a": 0.9})], {})

    assert (found.old.recall, found.new.recall) == (0.0, 1.0)


def test_one_that_publishes_nothing_does_not_beat_one_that_is_mostly_right() -> None:
    labels = {slug: slug != "c" for slug in "abcdef"}
    silent = dict.fromkeys(labels, 0.55)  # as likely as not, and never sent
    useful = {**dict.fromkeys(labels, 0.7), "f": 0.1}

    silent_first = compare([Correction(labels, silent, useful)], {})
    useful_first = compare([Correction(labels, useful, {**useful, "b": 0.1})], {})

    assert silent_first.old.precision is None
    assert not silent_first.is_no_worse, "it finds less"
    assert not useful_first.is_no_worse

    better = compare([Correction(labels, silent, {**dict.fromkeys(labels, 0.7), "c": 0.7})], {})
    assert better.new.precision == pytest.approx(5 / 6)
    assert better.is_no_worse, "it finds as much; what was never sent had no precision to lose"


def test_a_topic_is_published_from_its_own_threshold() -> None:
    labels = {"a": False, "b": False}
    found = compare(
        [Correction(labels, dict.fromkeys(labels, 0.1), dict.fromkeys(labels, 0.8))],
        {"a": Thresholds(publish=0.9)},
    )

    assert found.new.published == 1


def test_what_nobody_named_counts_a_tenth() -> None:
    named, unnamed = {"a": True}, frozenset("bc")
    found = compare([Correction(named, {"a": 0.9}, {"a": 0.9, "b": 0.7}, unnamed)], {})

    assert (found.old.precision, found.old.published) == (1.0, 1)
    assert found.new.precision == pytest.approx(1 / 1.1)
    assert found.new.published == 2
    assert not found.is_no_worse, "it would publish what nobody asked for"
