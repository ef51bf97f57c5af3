"""What became of the runs of digests, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.models import Delivery, DeliveryState, DigestArticle, DigestRun, Notification


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
    letters = notification.final_counts or _letters(session, notification.id)
    return Count(run, notification.state, session.scalar(articles) or 0, letters)


def _letters(session: Session, notification_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Delivery.state, func.count())
        .where(Delivery.notification_id == notification_id)
        .group_by(Delivery.state)
        .order_by(Delivery.state)
    )
    return {DeliveryState(state).word: count for state, count in rows}
