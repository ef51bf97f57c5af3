"""Training: learn from what was decided, and use it only if later decisions agree no less."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.classify import Classifier, Thresholds
from service.classify.model import Model
from service.classify.promotion import Comparison, Correction, compare
from service.classify.train import Example, train
from service.db import Database
from service.learning.current import active_model, current_classifier
from service.learning.examples import count_decided, lessons_of, texts
from service.learning.runs import run
from service.learning.versions import keep, promote
from service.models import LabelOrigin, ModelVersion, TopicLabel
from service.settings import Settings

LEAST = 50  # decided articles: with fewer there is nothing to compare on
HELD_OUT = 0.2  # the latest of them


class TrainingError(ValueError):
    """There is too little to learn from; the text says how much is missing."""


@dataclass(frozen=True)
class Trained:
    """A stored model, and how it did against the one in use."""

    model_id: int
    comparison: Comparison


def refit(
    db: Database,
    settings: Settings,
    now: datetime,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Trained:
    """Train a model, compare it on decisions that neither has learned from, and use it if it is no
    worse.

    Raises:
        TrainingError: fewer than 50 articles were decided.
        RunningError: another training is under way.
    """
    with db.read() as session:
        decided = count_decided(session)
    if decided < LEAST:
        raise TrainingError(
            f"{decided} articles have decisions of the staff; training needs {LEAST}"
        )
    with run(db, now):
        return _trained(db, settings, now, on_progress)


def _trained(
    db: Database, settings: Settings, now: datetime, on_progress: Callable[[int], None]
) -> Trained:
    with db.read() as session:
        classifier = current_classifier(session, settings)
        old = active_model(session)
        lessons = lessons_of(texts(session), classifier, on_progress)
    examples = [lesson.example for lesson in reversed(lessons)]
    topics = sorted({slug for example in examples for slug in example.labels})
    comparison = _compared(examples, topics, classifier, old)
    model = train(examples, topics, terms=classifier.terms_version)
    with db.write() as session:
        row = keep(session, model, _report(comparison), now)
        if comparison.is_promoted:
            promote(session, row.id, now)
    return Trained(row.id, comparison)


def decisions_since(session: Session) -> int:
    """Decisions of the staff since the last model was trained."""
    last = session.scalar(select(func.max(ModelVersion.trained_at)))
    statement = (
        select(func.count()).select_from(TopicLabel).where(TopicLabel.origin == LabelOrigin.STAFF)
    )
    if last is not None:
        statement = statement.where(TopicLabel.decided_at > last)
    return int(session.scalar(statement) or 0)


def _compared(
    examples: Sequence[Example], topics: Sequence[str], classifier: Classifier, old: Model | None
) -> Comparison:
    """Old and new on the latest decisions, by a model that was trained on the ones before."""
    with_labels = [n for n, example in enumerate(examples) if example.labels]
    later = set(with_labels[-max(1, round(len(with_labels) * HELD_OUT)) :])
    earlier = [example for n, example in enumerate(examples) if n not in later]
    candidate = train(earlier, topics, terms=classifier.terms_version)
    corrections = [
        Correction(example.labels, _says(old, example), _says(candidate, example))
        for example in (examples[n] for n in sorted(later))
    ]
    return compare(corrections, Thresholds())


def _says(model: Model | None, example: Example) -> Mapping[str, float]:
    return model.probabilities(dict(example.words), example.seeds) if model else example.seeds


def _report(comparison: Comparison) -> dict[str, Any]:
    return {**asdict(comparison), "is_promoted": comparison.is_promoted}
