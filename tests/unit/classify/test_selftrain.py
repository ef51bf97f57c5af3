"""Learning without labels."""

import numpy as np

from tests.bench.accuracy.selftrain import self_train
from tests.unit.classify.invented import TOPICS, archive


def test_words_beside_the_terms_are_learned() -> None:
    examples = [one for one in archive(300) if sum(one.labels.values()) == 1]
    truth = np.array([[one.labels[slug] for slug in TOPICS] for one in examples]).argmax(axis=1)
    scores = 1.0 * np.array(
        [[one.seeds.get(slug, 0.0) > 0.5 for slug in TOPICS] for one in examples]
    )

    learned = self_train([one.words for one in examples], scores)
    found = [
        learned.scores(one.words, row).argmax() for one, row in zip(examples, scores, strict=True)
    ]

    assert (scores.argmax(axis=1) == truth).mean() < 0.85
    assert (np.array(found) == truth).mean() > 0.95


def test_topic_that_no_article_has_is_no_error() -> None:
    learned = self_train([{"konser": 1.0}, {"konser": 2.0}], np.array([[1.0, 0.0], [2.0, 0.0]]))

    assert np.isfinite(learned.scores({"konser": 1.0}, np.array([1.0, 0.0]))).all()
