"""When the text model counts, and how much."""

import numpy as np

from service.classify.stack import Evidence, fit_stack


def evidence(positives: list[int], count: int = 100, is_useful: bool = True) -> Evidence:
    """Topics with so many positives; terms say nothing, the text says all or nothing."""
    labels = np.zeros((count, len(positives)), dtype=bool)
    for k, number in enumerate(positives):
        labels[:number, k] = True
    noise = np.random.default_rng(0).normal(size=labels.shape)
    text = noise + (3.0 * labels if is_useful else 0.0)
    return Evidence(np.full(labels.shape, -2.0), text, labels, np.ones(labels.shape))


def test_topic_with_few_labels_follows_its_terms() -> None:
    stack = fit_stack(evidence([4, 50]))

    assert stack[0, 1] == 0
    assert stack[1, 1] > 0


def test_topics_with_some_labels_share_their_weights() -> None:
    stack = fit_stack(evidence([5, 9, 50]))

    assert stack[0].tolist() == stack[1].tolist()
    assert stack[2].tolist() != stack[0].tolist()


def test_negatives_are_needed_as_well() -> None:
    assert fit_stack(evidence([96, 50]))[0, 1] == 0


def test_text_that_tells_nothing_is_given_next_to_no_weight() -> None:
    stack = fit_stack(evidence([600, 800, 1000], count=2000, is_useful=False))

    assert (stack[:, 1] < 0.1).all()
    assert (stack[:, 1] >= 0).all()


def test_no_labels_at_all_is_day_one() -> None:
    nothing = evidence([0, 0], count=0)

    assert fit_stack(nothing).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_what_nobody_decided_counts_for_nothing() -> None:
    full = evidence([50, 50])
    half = Evidence(
        full.seed, full.text, full.labels, 1.0 * (np.arange(200).reshape(100, 2) % 4 < 2)
    )
    rows = half.counts[:, 0] > 0
    alone = Evidence(*(array[rows] for array in (full.seed, full.text, full.labels, half.counts)))

    assert fit_stack(half).tolist() == fit_stack(alone).tolist()
