"""The model as a whole: learns, is honest, explains itself, and is the same each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify.model import Model
from service.classify.train import Example, train
from service.classify.words import weigh
from tests.unit.classify.invented import TOPICS, archive, parts_of, text_about


@pytest.fixture(scope="module")
def model() -> Model:
    return train(archive(150), TOPICS, terms="terms-1:test")


def test_model_finds_what_terms_miss(model: Model) -> None:
    words = weigh(parts_of("belediye orkestra ile keman solist sahne şehir"))
    found = model.probabilities(words, {})

    assert found["music"] > 0.6
    assert found["roads"] < 0.25
    assert found["water"] < 0.25


def test_probabilities_are_better_than_those_of_terms(model: Model) -> None:
    tests = archive(100, seed=1)
    by_model = [model.probabilities(one.words, one.seeds) for one in tests]

    def error(found: list[dict[str, float]]) -> float:
        pairs = zip(found, tests, strict=True)
        return float(
            np.mean([(p.get(t, 0) - y) ** 2 for p, e in pairs for t, y in e.labels.items()])
        )

    assert error(by_model) < error([dict(one.seeds) for one in tests]) / 2


@given(
    st.dictionaries(st.text(max_size=6), st.floats(0, 1e6), max_size=8),
    st.dictionaries(st.sampled_from([*TOPICS, "new"]), st.floats(0, 1)),
)
def test_anything_gets_probabilities(
    model: Model, words: dict[str, float], seeds: dict[str, float]
) -> None:
    found = model.probabilities(words, seeds)

    assert set(found) == {*TOPICS, *seeds}
    assert all(0 <= p <= 1 for p in found.values())
    assert found.get("new") == seeds.get("new")


def test_training_is_deterministic() -> None:
    first, second = (train(archive(80, share_known=0.6), TOPICS, terms="t") for _ in range(2))

    assert first.version == second.version
    assert first.vocabulary.keys == second.vocabulary.keys
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.stack, second.stack)


def test_version_and_facts_name_examples_and_terms(model: Model) -> None:
    other_terms = train(archive(150), TOPICS, terms="terms-1:other")
    other_data = train(archive(149), TOPICS, terms="terms-1:test")

    assert len({model.version, other_terms.version, other_data.version}) == 3
    assert model.facts.terms == "terms-1:test"
    assert model.facts.articles == 150
    assert model.facts.positives["music"] + model.facts.negatives["music"] == 150


def test_without_decisions_terms_are_followed() -> None:
    untaught = train(archive(40, share_known=0), TOPICS, terms="t")
    seeds = {"music": 0.7, "roads": 0.1}

    found = untaught.probabilities({"konser": 1.0, "kons": 1.0}, seeds)

    assert found["music"] == pytest.approx(0.7)
    assert found["roads"] == pytest.approx(0.1)
    assert untaught.explain(parts_of("konser"), "music") == ()


def test_nothing_to_learn_from_is_no_error() -> None:
    empty = train([], TOPICS, terms="t")

    assert empty.probabilities({"konser": 1.0}, {"music": 0.7})["music"] == pytest.approx(0.7)


def test_one_topic_may_be_decided_and_another_not() -> None:
    examples = [
        Example(one.words, one.seeds, {"music": one.labels["music"]}) for one in archive(80)
    ]
    partial = train(examples, TOPICS, terms="t")

    assert partial.stack[0, 1] > 0
    assert partial.stack[1, 1] == partial.stack[2, 1] == 0


def test_articles_without_decisions_help_while_decisions_are_few() -> None:
    known, unknown = archive(24), archive(200, seed=2, share_known=0)
    tests = archive(200, seed=3)

    def right(examples: list[Example]) -> int:
        model = train(examples, TOPICS, terms="t")
        return sum(
            (p >= 0.5) == one.labels[slug]
            for one in tests
            for slug, p in model.probabilities(one.words, one.seeds).items()
        )

    assert right([*known, *unknown]) > right(known)


def test_explanation_points_at_words_that_speak_for_the_topic(model: Model) -> None:
    text = "Bugün orkestra, ORKESTRANIN solisti ve asfalt"
    found = model.explain(parts_of(text), "music")

    assert [text[one.start : one.end] for one in found] == ["orkestra", "solisti"]
    assert [one.word for one in found] == ["orkestra", "solisti"]
    assert found[0].weight > found[1].weight > 0
    assert model.explain(parts_of(text), "unknown") == ()


def test_explanation_is_short(model: Model) -> None:
    text = text_about(["music"], np.random.default_rng(5)) * 3

    assert len(model.explain(parts_of(text), "music", limit=2)) == 2


def decided_in_a_hurry(count: int) -> list[Example]:
    """Articles of which two in five topics that terms miss are overlooked; a tenth is refused."""
    rng = np.random.default_rng(7)
    examples = []
    for one in archive(count, seed=8):
        seen = {slug for slug, seed in one.seeds.items() if seed > 0.5}
        seen |= {slug for slug, yes in one.labels.items() if rng.random() < (0.6 if yes else 0.1)}
        labels = {slug: yes for slug, yes in one.labels.items() if slug in seen}
        examples.append(Example(one.words, one.seeds, labels, frozenset(TOPICS) - seen))
    return examples


def share_right(examples: list[Example]) -> float:
    model = train(examples, TOPICS, terms="t")
    return float(
        np.mean(
            [
                (p >= 0.5) == one.labels[slug]
                for one in archive(300, seed=9)
                for slug, p in model.probabilities(one.words, one.seeds).items()
            ]
        )
    )


def test_a_topic_that_nobody_named_is_not_denied() -> None:
    hurried = decided_in_a_hurry(150)
    denied = [
        Example(one.words, one.seeds, {slug: one.labels.get(slug, False) for slug in TOPICS})
        for one in hurried
    ]

    assert share_right(hurried) > share_right(denied) + 0.02


def test_a_topic_that_nobody_named_is_doubted() -> None:
    hurried = decided_in_a_hurry(60)
    forgotten = [Example(one.words, one.seeds, one.labels) for one in hurried]

    assert share_right(hurried) > share_right(forgotten) + 0.02
