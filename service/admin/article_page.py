"""What the page of one article shows: its texts with evidence, its way, its counts, its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.access import has_power
from service.admin.article_kinds import DONE, KINDS, Standing, is_possible
from service.admin.article_times import moments
from service.admin.evidence import Found, pieces, summarise
from service.ledger.approve import approvals
from service.ledger.counts import notification_counts, outcome_counts
from service.models import (
    Article,
    Halt,
    HaltKind,
    HaltScope,
    Notification,
    NotificationKind,
    Place,
    PlaceLabel,
    Revision,
    RevisionState,
    StoryLink,
    Topic,
    TopicLabel,
)
from service.pages import language, runtime

MOST = 50  # notifications, texts and links that are shown


@dataclass(frozen=True)
class Linked:
    """Another article that was taken for the same event, and why."""

    article_id: int
    title: str
    link: StoryLink


def details(session: Session, article: Article) -> dict[str, Any]:
    """Everything the page of one article shows."""
    revision = session.get(Revision, article.revision_id) if article.revision_id else None
    notifications = session.scalars(
        select(Notification)
        .where(Notification.article_id == article.id)
        .order_by(Notification.id)
        .limit(MOST)
    ).all()
    paused, linked = _pause(session, article), _linked(session, article)
    news = [one for one in notifications if one.kind == NotificationKind.NEW]
    standing = Standing(
        article=article,
        news=news[-1] if news else None,
        is_paused=paused is not None,
        is_classified=revision is not None and revision.state == RevisionState.CLASSIFIED,
        is_linked=any(one.link.split_at is None for one in linked),
    )
    return {
        "article": article,
        "revision": revision,
        **_labels(session, article, revision),
        "counts": outcome_counts(session, article.id),
        "notifications": [(one, notification_counts(session, one)) for one in notifications],
        "moments": moments(session, article),
        "texts_of": _texts(session, article),
        "linked": linked,
        "has_deliveries": "deliveries.index" in current_app.view_functions,
        "approvals": [(one, approvals(session, one.id)) for one in notifications if one.is_urgent],
        "needed": runtime().settings.urgent_approvals,
        "acts": [
            kind for kind in KINDS.values() if has_power(kind.power) and is_possible(kind, standing)
        ],
        "done": DONE.get(request.args.get("done", "")),
    }


def _labels(session: Session, article: Article, revision: Revision | None) -> dict[str, Any]:
    topic_labels = session.execute(
        select(TopicLabel, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id == article.revision_id)
        .order_by(TopicLabel.score.desc())
    ).all()
    place_labels = session.execute(
        select(PlaceLabel, Place)
        .join(Place, Place.id == PlaceLabel.place_id)
        .where(PlaceLabel.revision_id == article.revision_id)
        .order_by(Place.position)
    ).all()
    found = [
        Found.from_json(name, item)
        for name, evidence in (
            *((topic.name(language()), label.evidence) for label, topic in topic_labels),
            *((place.name, label.evidence) for label, place in place_labels),
        )
        for item in evidence
    ]
    texts = (
        {"title": revision.title, "summary": revision.summary, "body": revision.body_text}
        if revision
        else {}
    )
    return {
        "topic_labels": [
            (label, topic.name(language()), summarise(label.evidence))
            for label, topic in topic_labels
        ],
        "place_labels": [
            (label, place.name, summarise(label.evidence)) for label, place in place_labels
        ],
        "texts": {name: pieces(text, name, found) for name, text in texts.items()},
    }


def _texts(session: Session, article: Article) -> Sequence[Revision]:
    return session.scalars(
        select(Revision)
        .where(Revision.article_id == article.id)
        .order_by(Revision.id.desc())
        .limit(MOST)
    ).all()


def _linked(session: Session, article: Article) -> list[Linked]:
    links = session.scalars(
        select(StoryLink)
        .where((StoryLink.article_id == article.id) | (StoryLink.earlier_id == article.id))
        .order_by(StoryLink.linked_at.desc())
        .limit(MOST)
    ).all()
    found = []
    for link in links:
        other = link.earlier_id if link.article_id == article.id else link.article_id
        title = session.scalar(
            select(Revision.title)
            .join(Article, Article.revision_id == Revision.id)
            .where(Article.id == other)
        )
        found.append(Linked(other, title or str(other), link))
    return found


def _pause(session: Session, article: Article) -> Halt | None:
    return session.scalar(
        select(Halt)
        .where(Halt.kind == HaltKind.PAUSE, Halt.ended_at.is_(None))
        .where(Halt.scope == HaltScope.ARTICLE, Halt.object_id == article.id)
    )
