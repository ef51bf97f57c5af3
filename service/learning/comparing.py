"""Compares a new model with the one in use, on decisions that neither has learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from service.classify import Classifier
from service.classify.model import Model
from service.classify.promotion import Comparison, Correction, compare
from service.classify.train import Example, train
from service.learning.examples import Lesson

LEAST_COMPARED = 20  # decided articles; fewer would be a throw of dice
HELD_OUT = 0.2  # of those that the model in use has not seen


def compared(
    lessons: Sequence[Lesson],
    topics: Sequence[str],
    classifier: Classifier,
    old: Model | None,
    since: datetime | None,
) -> Comparison:
    """Old and new on the latest decisions after `since`, by a model trained on all the others.

    `lessons` come in the order of their decisions. With too few of them nothing is compared.
    """
    unseen = [
        number
        for number, lesson in enumerate(lessons)
        if lesson.decided_at is not None and (since is None or lesson.decided_at > since)
    ]
    if len(unseen) < LEAST_COMPARED:
        return compare([], {})
    latest = set(unseen[-max(LEAST_COMPARED, round(len(unseen) * HELD_OUT)) :])
    rest = [lesson.example for n, lesson in enumerate(lessons) if n not in latest]
    candidate = train(rest, topics, terms=classifier.terms_version)
    corrections = [
        Correction(example.labels, _says(old, example), _says(candidate, example), example.doubtful)
        for example in (lessons[n].example for n in sorted(latest))
    ]
    return compare(corrections, classifier.own_thresholds)


def _says(model: Model | None, example: Example) -> Mapping[str, float]:
    return model.probabilities(dict(example.words), example.seeds) if model else example.seeds
