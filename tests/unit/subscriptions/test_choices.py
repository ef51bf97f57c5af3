"""Choices: everything is a choice of its own, never a list."""

from __future__ import annotations

import pytest

from service.models import Frequency
from service.subscriptions.choices import Choices


def test_everything_is_one_pair_and_nothing_is_none() -> None:
    assert list(Choices().pairs()) == [(None, None)]
    assert list(Choices(topic_ids=()).pairs()) == []
    assert list(Choices((1, 2), (3,)).pairs()) == [(1, 3), (2, 3)]


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices((1,), None, Frequency.WEEKLY),
        Choices(None, (2, 3)),
        Choices((1,), (2,), is_local_only=True),
    ],
)
def test_a_token_remembers_choices(choices: Choices) -> None:
    assert Choices.from_json(choices.as_json()) == choices


def test_a_token_of_an_older_release_wants_news_of_the_whole_city_too() -> None:
    older = {"topics": [1], "places": [2], "frequency": "daily"}
    assert Choices.from_json(older) == Choices((1,), (2,), Frequency.DAILY)


def test_whoever_wants_the_whole_city_cannot_leave_it_out() -> None:
    assert not Choices(is_local_only=True).leaves_out_city
    assert Choices(place_ids=(1,), is_local_only=True).leaves_out_city


@pytest.mark.parametrize("data", [{}, {"topics": 5}, {"topics": None, "places": None}])
def test_what_is_no_choice_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="choices"):
        Choices.from_json(data)
