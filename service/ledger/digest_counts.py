"""What became of the runs of digests, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.ledger.counts import notification_counts
from service.models import DigestArticle, DigestRun, Notification


@dataclass(frozen=True)
class Count:
    """A run, and its letters by outcome; a run without news has no state."""

    run: DigestRun
    state: str | None
    articles: int
    letters: Mapping[str, int]


def runs(session: Session, limit: int) -> list[Count]:
    """The newest runs first. What retention has dropped is told by the final counts."""
    found = session.scalars(
        select(DigestRun).order_by(DigestRun.until_at.desc(), DigestRun.id.desc()).limit(limit)
    ).all()
    return [_count(session, run) for run in found]


def _count(session: Session, run: DigestRun) -> Count:
    if run.notification_id is None:
        return Count(run, None, 0, {})
    notification = session.get_one(Notification, run.notification_id)
    articles = select(func.count()).select_from(DigestArticle)
    articles = articles.where(DigestArticle.notification_id == notification.id)
    counts = notification_counts(session, notification)
    letters = {word: count for word, count in counts.items() if count and word != "planned"}
    return Count(run, notification.state, session.scalar(articles) or 0, letters)
