"""`/haberler`: all public news, by topic, district, month and words. One GET form, no script."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext
from sqlalchemy.orm import Session

from service.archive.items import items
from service.archive.listings import Cursor, Month, Wanted, first_month, page
from service.archive.words import Query, printable, read_query
from service.citizen.canonical import own
from service.citizen.card import page_card
from service.citizen.feed_addresses import Feed, feed_of, search_feed
from service.citizen.public import public_page
from service.classify.text import slugify
from service.db import utcnow
from service.limits import Limits
from service.models import Place, Topic
from service.pages import language, page_url, runtime
from service.subscriptions.choices import all_places, all_topics

PER_CLIENT = "120 per minute"  # searches: many people share one address of a mobile network
MAX_MONTHS = 120  # that are offered


@dataclass
class Asked:
    """What the address asks for, and a sentence for each part that could not be understood."""

    text: str = ""
    query: Query | None = None
    topic: Topic | None = None
    place: Place | None = None
    month: Month | None = None
    cursor: Cursor | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            topic_id=self.topic.id if self.topic else None,
            place_id=self.place.id if self.place else None,
            month=self.month,
            query=self.query,
        )

    @property
    def parts(self) -> list[str]:
        """What the list is limited to, in words."""
        topic = [self.topic.name(language())] if self.topic else []
        place = [self.place.name] if self.place else []
        return topic + place + ([month_name(self.month)] if self.month else [])

    @property
    def title(self) -> str:
        """What the page is called where a link to it is shown."""
        said = gettext("Search results: %(text)s", text=self.text) if self.query else ""
        return " · ".join([said or gettext("News"), *self.parts])

    @property
    def description(self) -> str:
        """What the list holds, in a sentence."""
        topic = self.topic.description(language()) if self.topic else ""
        return topic or gettext("The city’s news by topic, district and month.")

    @property
    def own_url(self) -> str:
        """This page's one address: what was understood of the one that was asked for."""
        changes: dict[str, Any] = {} if self.query else {"q": None}
        if self.cursor:
            changes["after" if self.cursor.is_backward else "before"] = self.cursor
        return self.url(**changes)

    @property
    def feed(self) -> Feed:
        """The feed of this very list, in whichever month it is."""
        if self.query:
            return search_feed(self.text, self.topic, self.place)
        return feed_of([self.topic] if self.topic else (), [self.place] if self.place else ())

    def url(self, **changes: Any) -> str:
        """The address of the same list with these changes; None takes a part away."""
        parts = {
            "q": self.text,
            "topic": self.topic.slug if self.topic else "",
            "place": self.place.slug if self.place else "",
            "month": str(self.month or ""),
            **changes,
        }
        return page_url("archive.show", **{name: str(one) for name, one in parts.items() if one})


def blueprint(limits: Limits) -> Blueprint:
    """The archive; searches, which no cache answers, are counted by client."""
    part = Blueprint("archive", __name__)
    search = limits.guard(_show, PER_CLIENT, "archive-search")

    @part.get("/haberler")
    def show() -> ResponseReturnValue:
        return search() if request.args.get("q") else _show()

    return part


def _show() -> Response:
    zone = ZoneInfo(runtime().settings.timezone)
    with runtime().db.read() as session:
        topics, places = all_topics(session), all_places(session)
        asked = _read(list(topics), list(places))
        found = page(session, asked.wanted, asked.cursor, zone)
        canonical = own(asked.own_url)
        response = public_page(
            render_template(
                "citizen/archive.html",
                asked=asked,
                canonical=canonical,
                card=page_card(asked.title, asked.description, canonical),
                found=found,
                parts=asked.parts,
                page_feeds=[asked.feed],
                news_items=items(session, found.article_ids),
                topics=topics,
                places=places,
                months=months(session, zone),
                month_name=month_name,
            )
        )
    if asked.text or asked.cursor:
        response.headers["X-Robots-Tag"] = "noindex"  # endless pages that say nothing of their own
    return response


def _read(topics: list[Topic], places: list[Place]) -> Asked:
    args = request.args
    asked = Asked(text=printable(args.get("q", "")))
    asked.query = read_query(asked.text) if asked.text else None
    if asked.text and asked.query is None:
        asked.problems.append(gettext("Type at least one word to search for."))
    if slug := args.get("topic", "")[:100]:
        asked.topic = next((one for one in topics if one.slug == slugify(slug)), None)
        if asked.topic is None:
            asked.problems.append(gettext("There is no such topic; all topics are shown."))
    if slug := args.get("place", "")[:100]:
        asked.place = next((one for one in places if one.slug == slugify(slug)), None)
        if asked.place is None:
            asked.problems.append(gettext("There is no such district; the whole city is shown."))
    if text := args.get("month", "")[:10]:
        asked.month = Month.read(text)
        if asked.month is None:
            asked.problems.append(gettext("There is no such month; all months are shown."))
    for name in ("before", "after"):
        if text := args.get(name, "")[:30]:
            is_search = asked.query is not None
            asked.cursor = Cursor.read(text, is_backward=name == "after", is_search=is_search)
            if asked.cursor is None:
                asked.problems.append(gettext("There is no such page; the first one is shown."))
    return asked


def months(session: Session, zone: ZoneInfo) -> list[Month]:
    """Every month from the first article's to this one, the newest first."""
    now = utcnow().astimezone(zone)
    month, last = first_month(session, zone), Month(now.year, now.month)
    found: list[Month] = []
    while month is not None and month <= last:
        found.append(month)
        month = month.following
    return found[: -MAX_MONTHS - 1 : -1]


def month_name(month: Month) -> str:
    return str(format_date(date(month.year, month.number, 1), "LLLL y"))
