"""Choices: everything is a choice of its own, never a list."""

from __future__ import annotations

import pytest

from service.subscriptions.choices import Choices


def test_everything_is_one_pair_and_nothing_is_none() -> None:
    assert list(Choices().pairs()) == [(None, None)]
    assert list(Choices(topic_ids=()).pairs()) == []
    assert list(Choices((1, 2), (3,)).pairs()) == [(1, 3), (2, 3)]


@pytest.mark.parametrize("choices", [Choices(), Choices((1,), None), Choices(None, (2, 3))])
def test_a_token_remembers_choices(choices: Choices) -> None:
    assert Choices.from_json(choices.as_json()) == choices


@pytest.mark.parametrize("data", [{}, {"topics": 5}, {"topics": None, "places": None}])
def test_what_is_no_choice_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="choices"):
        Choices.from_json(data)
