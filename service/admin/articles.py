"""Articles as staff see them: the list, and one article with its evidence and its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import words
from service.admin.access import needs
from service.admin.evidence import Found, pieces, summarise
from service.admin.powers import Power
from service.ledger.counts import outcome_counts
from service.models import (
    Article,
    LabelState,
    Notification,
    Place,
    PlaceLabel,
    Revision,
    Topic,
    TopicLabel,
)
from service.pages import language, runtime

PAGE_SIZE = 25


@dataclass(frozen=True)
class Line:
    """One article of the list."""

    article: Article
    title: str
    topics: list[tuple[str, LabelState]]
    counts: dict[str, int]


def blueprint() -> Blueprint:
    """The list and one article's page; everybody on the staff may see them."""
    part = Blueprint("articles", __name__, url_prefix="/staff")

    @part.get("/articles")
    @needs(Power.SEE)
    def index() -> str:
        before = request.args.get("before", type=int)
        with runtime().db.read() as session:
            lines, older = _lines(session, before)
        return render_template(
            "staff/articles.html", lines=lines, before=before, older=older, words=words
        )

    @part.get("/articles/<int:article_id>")
    @needs(Power.SEE)
    def show(article_id: int) -> str:
        with runtime().db.read() as session:
            article = session.get(Article, article_id)
            if article is None:
                abort(404)
            return render_template("staff/article.html", words=words, **_details(session, article))

    return part


def _lines(session: Session, before: int | None) -> tuple[list[Line], int | None]:
    """A page of articles, newest first, and the key of the next page."""
    statement = select(Article, Revision.title).outerjoin(
        Revision, Revision.id == Article.revision_id
    )
    if before is not None:
        statement = statement.where(Article.id < before)
    rows = session.execute(statement.order_by(Article.id.desc()).limit(PAGE_SIZE + 1)).all()
    shown = rows[:PAGE_SIZE]
    topics = _topics_of(session, [article.revision_id for article, _ in shown])
    lines = [
        Line(
            article=article,
            title=title or article.external_id,
            topics=topics.get(article.revision_id, []),
            counts=outcome_counts(session, article.id),
        )
        for article, title in shown
    ]
    return lines, lines[-1].article.id if len(rows) > PAGE_SIZE else None


def _topics_of(
    session: Session, revision_ids: Sequence[int | None]
) -> dict[int | None, list[tuple[str, LabelState]]]:
    rows = session.execute(
        select(TopicLabel.revision_id, TopicLabel.state, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id.in_([i for i in revision_ids if i is not None]))
        .where(TopicLabel.state != LabelState.DROPPED)
        .order_by(TopicLabel.score.desc())
    )
    found: dict[int | None, list[tuple[str, LabelState]]] = {}
    for revision_id, state, topic in rows:
        found.setdefault(revision_id, []).append((topic.name(language()), LabelState(state)))
    return found


def _details(session: Session, article: Article) -> dict[str, Any]:
    """Everything the page of one article shows."""
    revision = session.get(Revision, article.revision_id) if article.revision_id else None
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
        {
            "title": revision.title,
            "summary": revision.summary,
            "body": revision.body_text,
        }
        if revision
        else {}
    )
    return {
        "article": article,
        "revision": revision,
        "topic_labels": [
            (label, topic.name(language()), summarise(label.evidence))
            for label, topic in topic_labels
        ],
        "place_labels": [
            (label, place.name, summarise(label.evidence)) for label, place in place_labels
        ],
        "texts": {name: pieces(text, name, found) for name, text in texts.items()},
        "counts": outcome_counts(session, article.id),
        "notifications": session.scalars(
            select(Notification)
            .where(Notification.article_id == article.id)
            .order_by(Notification.id)
        ).all(),
    }
