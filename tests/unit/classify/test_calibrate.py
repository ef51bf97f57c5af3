"""The small logistic regression that starts from a belief."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify.calibrate import fit_logistic, log_loss, logit, sigmoid

DAY_ONE = np.array([1.0, 0.0])


def rows(scores: list[float]) -> np.ndarray:
    return np.stack([np.array(scores), np.ones(len(scores))], axis=1)


@given(st.floats(0, 1))
def test_sigmoid_undoes_logit(probability: float) -> None:
    back = sigmoid(logit(np.array([probability])))

    assert back[0] == pytest.approx(probability, abs=2e-6)


@given(st.floats(-1e300, 1e300))
def test_sigmoid_is_a_probability_without_overflow(score: float) -> None:
    assert 0 <= sigmoid(np.array([score]))[0] <= 1


def test_fit_without_labels_is_the_prior() -> None:
    assert fit_logistic(np.zeros((0, 2)), np.zeros(0, bool), DAY_ONE, 3.0).tolist() == [1, 0]


def test_fit_of_separable_labels_stays_finite() -> None:
    fitted = fit_logistic(rows([-500, -400, 400, 500]), np.arange(4) > 1, DAY_ONE, 1e-6)

    assert np.isfinite(fitted).all()
    assert fitted[0] > 0


def test_more_labels_move_further_from_the_prior() -> None:
    few = fit_logistic(rows([2.0] * 4), np.array([True, False] * 2), DAY_ONE, 3.0)
    many = fit_logistic(rows([2.0] * 400), np.array([True, False] * 200), DAY_ONE, 3.0)

    probabilities = [sigmoid(np.array([2.0, 1.0]) @ fitted) for fitted in (DAY_ONE, few, many)]
    assert probabilities[0] > probabilities[1] > probabilities[2]
    assert probabilities[2] == pytest.approx(0.5, abs=0.01)


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=1, max_size=40),
    st.floats(0.1, 10),
)
def test_fit_is_a_minimum(pairs: list[tuple[float, bool]], penalty: float) -> None:
    inputs, labels = rows([score for score, _ in pairs]), np.array([yes for _, yes in pairs])
    fitted = fit_logistic(inputs, labels, DAY_ONE, penalty)

    def loss(weights: np.ndarray) -> float:
        pull = penalty * float(((weights - DAY_ONE) ** 2).sum())
        return len(labels) * log_loss(inputs @ weights, labels) + pull

    for step in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
        assert loss(fitted) <= loss(fitted + np.array(step)) + 1e-9
