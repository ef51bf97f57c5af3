"""The front page: what is new, search, and all topics; and the privacy notice. No cookie is set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import pages
from service.archive.items import Item, items
from service.citizen import topic_facts
from service.citizen.archive import month_name, months
from service.citizen.canonical import own
from service.citizen.card import page_card
from service.citizen.public import public_page
from service.db import utcnow
from service.models import Article, LabelState, Listing, NoticeKind, Topic, TopicLabel
from service.models.listing import ANY
from service.pages import page_url, runtime
from service.subscriptions import notices
from service.subscriptions.choices import all_topics, offered_places

LOOK_BACK = 300  # articles: one bounded walk down the list of all, however many there are
LEAD = 3  # stories at the top
URGENT_FOR = timedelta(hours=24)  # an urgent story stays at the very top
MONTHS = 12  # that the front page names


def blueprint() -> Blueprint:
    """The pages that everybody may see and every cache may keep."""
    part = Blueprint("topics", __name__)

    @part.get("/")
    def show() -> Response:
        now, zone = utcnow(), ZoneInfo(runtime().settings.timezone)
        with runtime().db.read() as session:
            topics = all_topics(session)
            latest = latest_headlines(session)
            canonical = own(page_url("topics.show"))
            page = render_template(
                "citizen/topics.html",
                canonical=canonical,
                card=page_card(gettext("Get news by email"), _description(), canonical),
                topics=topics,
                latest=latest,
                lead=lead(latest.values(), now),
                facts=topic_facts.facts(session),
                places=offered_places(session),
                months=months(session, zone)[:MONTHS],
                month_name=month_name,
            )
        return public_page(page)

    @part.get("/privacy")
    def privacy() -> Response:
        with runtime().db.read() as session:
            notice = notices.current(session, NoticeKind.NOTICE, pages.language())
        return public_page(render_template("citizen/privacy.html", notice=notice))

    return part


def _description() -> str:
    return str(
        gettext(
            "Choose topics and districts. Each piece of news reaches you once, and you can stop "
            "with one click."
        )
    )


def latest_headlines(session: Session) -> dict[int, Item]:
    """The newest published article of each topic, as far as `LOOK_BACK` reaches."""
    recent = (
        select(Listing.article_id, Listing.position, Article.shown_revision_id)
        .join(Article, Article.id == Listing.article_id)
        .where(Listing.topic_id == ANY, Listing.place_id == ANY)
        .order_by(Listing.position.desc())
        .limit(LOOK_BACK)
        .subquery()
    )
    rows = session.execute(
        select(TopicLabel.topic_id, recent.c.article_id)
        .join(recent, recent.c.shown_revision_id == TopicLabel.revision_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(recent.c.position.desc())
    )
    newest: dict[int, int] = {}
    for topic_id, article_id in rows:
        newest.setdefault(topic_id, article_id)
    found = {item.article_id: item for item in items(session, list(dict.fromkeys(newest.values())))}
    return {topic: found[article] for topic, article in newest.items() if article in found}


def lead(latest: Iterable[Item], now: datetime) -> list[Item]:
    """The stories at the top, of different topics: what is urgent, then what is newest."""

    def weight(item: Item) -> tuple[bool, datetime]:
        return item.is_urgent and item.published_at > now - URGENT_FOR, item.published_at

    unique = {item.article_id: item for item in latest}
    return sorted(unique.values(), key=weight, reverse=True)[:LEAD]
