"""The front page: topics with their latest headline; and the privacy notice. No cookie is set."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import pages
from service.models import (
    Article,
    ArticleState,
    LabelState,
    NoticeKind,
    Revision,
    Topic,
    TopicLabel,
)
from service.pages import runtime
from service.subscriptions import notices
from service.subscriptions.choices import all_topics

LOOK_BACK = 300  # articles: one bounded walk down the feed index, however many there are
CACHE = "public, max-age=60"


@dataclass(frozen=True)
class Headline:
    title: str
    url: str
    language: str


def blueprint() -> Blueprint:
    """The pages that everybody may see and every cache may keep."""
    part = Blueprint("topics", __name__)

    @part.get("/")
    def show() -> Response:
        with runtime().db.read() as session:
            page = render_template(
                "citizen/topics.html",
                topics=all_topics(session),
                headlines=latest_headlines(session),
            )
        return _public(page)

    @part.get("/privacy")
    def privacy() -> Response:
        with runtime().db.read() as session:
            notice = notices.current(session, NoticeKind.NOTICE, pages.language())
        return _public(render_template("citizen/privacy.html", notice=notice))

    return part


def latest_headlines(session: Session) -> dict[int, Headline]:
    """The newest published article of each topic, as far as `LOOK_BACK` reaches."""
    recent = (
        select(Article.shown_revision_id, Article.feed_seq)
        .where(Article.feed_seq.is_not(None), Article.state == ArticleState.PUBLISHED)
        .order_by(Article.feed_seq.desc())
        .limit(LOOK_BACK)
        .subquery()
    )
    rows = session.execute(
        select(TopicLabel.topic_id, Revision.title, Revision.url, Revision.language)
        .join(recent, recent.c.shown_revision_id == TopicLabel.revision_id)
        .join(Revision, Revision.id == TopicLabel.revision_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(recent.c.feed_seq.desc())
    )
    found: dict[int, Headline] = {}
    for topic_id, title, url, language in rows:
        found.setdefault(topic_id, Headline(title, url, language))
    return found


def _public(page: str) -> Response:
    response = make_response(page)
    response.headers["Cache-Control"] = CACHE
    return response
