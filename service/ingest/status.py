"""The status of an article: where it is on its way, and how its deliveries came out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.counts import outcome_counts
from service.models import (
    Article,
    Notification,
    NotificationKind,
    Place,
    PlaceLabel,
    Revision,
    Topic,
    TopicLabel,
)
from service.problems import Problem

STATUS_TOKEN = "status"  # noqa: S105  the purpose that is signed, not a secret


def describe(session: Session, article_id: int) -> dict[str, Any]:
    """Everything that the sender of an article may know about it.

    Raises:
        Problem: 404 where the article is gone.
    """
    article = session.get(Article, article_id)
    if article is None:
        raise Problem(404, "Not Found", "This article is not here any more.")
    revision = session.get(Revision, article.revision_id) if article.revision_id else None
    notification = session.scalar(
        select(Notification)
        .where(Notification.article_id == article.id)
        .where(Notification.kind == NotificationKind.NEW)
        .order_by(Notification.id.desc())
        .limit(1)
    )
    return {
        "article_id": article.id,
        "state": article.state,
        "revision": revision.id if revision else None,
        "revision_state": revision.state if revision else None,
        "received_at": _text(article.created_at),
        "classified_at": _text(revision.classified_at) if revision else None,
        "in_feeds_since": _text(article.feed_at),
        "notification": _notification(notification) if notification else None,
        "topics": _topics(session, revision.id) if revision else [],
        "places": _places(session, revision.id) if revision else [],
        "deliveries": outcome_counts(session, article.id),
    }


def _notification(notification: Notification) -> dict[str, Any]:
    return {
        "state": notification.state,
        "release_at": _text(notification.release_at),
        "released_at": _text(notification.released_at),
        "planned_at": _text(notification.planned_at),
        "done_at": _text(notification.done_at),
    }


def _topics(session: Session, revision_id: int) -> list[dict[str, Any]]:
    found = session.execute(
        select(TopicLabel, Topic.slug)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision_id)
        .order_by(TopicLabel.score.desc(), Topic.position)
    )
    return [
        {
            "slug": slug,
            "score": round(label.score, 4),
            "state": label.state,
            "origin": label.origin,
            "evidence": label.evidence,
        }
        for label, slug in found
    ]


def _places(session: Session, revision_id: int) -> list[dict[str, Any]]:
    found = session.execute(
        select(PlaceLabel, Place.slug)
        .join(Place, Place.id == PlaceLabel.place_id)
        .where(PlaceLabel.revision_id == revision_id)
        .order_by(Place.position)
    )
    return [
        {"slug": slug, "origin": label.origin, "evidence": label.evidence} for label, slug in found
    ]


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
