"""Bands and the day-one probability."""

import pytest

from service.classify.decide import Band, Thresholds, contribution, probabilities


@pytest.mark.parametrize(
    ("probability", "band"),
    [
        (1.0, Band.PUBLISH),
        (0.60, Band.PUBLISH),
        (0.5999, Band.REVIEW),
        (0.25, Band.REVIEW),
        (0.2499, Band.DROP),
        (0.0, Band.DROP),
    ],
)
def test_band_of(probability: float, band: Band) -> None:
    assert Thresholds().band(probability) is band


@pytest.mark.parametrize(("publish", "review"), [(0.2, 0.5), (1.1, 0.5), (0.5, -0.1)])
def test_thresholds_out_of_order_are_refused(publish: float, review: float) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(publish, review)


def test_probability_rises_with_the_score_and_with_the_share_of_the_best() -> None:
    alone = probabilities({"a": 0.3})
    beside = probabilities({"a": 0.3, "b": 0.9})

    assert beside["b"] > alone["a"] > beside["a"]
    assert probabilities({}) == {}
    assert probabilities({"a": 0.0})["a"] < 0.01


def test_contribution_grows_with_hits_and_shrinks_with_length() -> None:
    assert contribution(2.0, 3.0, 10) == 2 * contribution(1.0, 3.0, 10)
    assert contribution(1.0, 6.0, 10) < 2 * contribution(1.0, 3.0, 10)
    assert contribution(1.0, 3.0, 1000) < contribution(1.0, 3.0, 10)
