"""Training: learn from what was decided, and use it only if later decisions agree no less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.classify.promotion import Comparison
from service.classify.train import train
from service.db import Database
from service.learning.comparing import LEAST_COMPARED, compared
from service.learning.current import active_model, current_classifier
from service.learning.examples import count_decided, lessons_of, texts
from service.learning.runs import run
from service.learning.versions import active_id, keep, succeed, trained_at
from service.models import Article, LabelOrigin, ModelVersion, TopicLabel
from service.settings import Settings

LEAST = 50  # decided articles: with fewer there is nothing to compare on


class TrainingError(ValueError):
    """There is too little to learn from; the text says how much is missing."""


@dataclass(frozen=True)
class Trained:
    """A stored model, and how it did against the one in use."""

    model_id: int
    comparison: Comparison
    kept_because: str  # why it is not used; empty where it is


def refit(
    db: Database,
    settings: Settings,
    now: datetime,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Trained:
    """Train a model, compare it on decisions that neither it nor the one in use has learned from,
    and use it if it is no worse.

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
        in_use, old, since = active_id(session), active_model(session), trained_at(session)
        lessons = lessons_of(texts(session), classifier, on_progress)
    topics = sorted({slug for lesson in lessons for slug in lesson.example.labels})
    comparison = compared(lessons, topics, classifier, old, since if old else None)
    examples = [lesson.example for lesson in lessons]
    model = train(examples, topics, terms=classifier.terms_version)
    because = _against(comparison)
    with db.write() as session:
        row = keep(session, model, asdict(comparison), now)
        because = because or succeed(session, row, in_use, now)
        row.report = {**row.report, "kept_because": because}
    return Trained(row.id, comparison, because)


def _against(comparison: Comparison) -> str:
    """What speaks against using the new model; nothing: an empty text."""
    if not comparison.articles:
        return (
            f"fewer than {LEAST_COMPARED} articles were decided since the model in use was "
            "trained, too few to compare"
        )
    return "" if comparison.is_no_worse else "it does worse on the latest decisions"


def decisions_since(session: Session) -> int:
    """Decisions of the staff since the last model was trained, each on the revision shown."""
    last = session.scalar(select(func.max(ModelVersion.trained_at)))
    statement = (
        select(func.count())
        .select_from(TopicLabel)
        .join(Article, Article.shown_revision_id == TopicLabel.revision_id)
        .where(TopicLabel.origin == LabelOrigin.STAFF)
    )
    if last is not None:
        statement = statement.where(TopicLabel.decided_at > last)
    return int(session.scalar(statement) or 0)
