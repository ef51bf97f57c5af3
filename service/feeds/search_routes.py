"""`/feeds/search`: the newest news that hold some words, as a feed.

It stands in no list, so no hub tells of it and no archive holds it: whoever wants to know asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from apiflask import APIBlueprint
from flask import Response, request
from flask_babel import gettext
from sqlalchemy import select

from service.archive.listings import Wanted, newest
from service.archive.words import MAX_QUERY, printable, read_query
from service.feeds.answering import conditional, hashed, sentence
from service.feeds.clock import FeedState, Named, Stamp
from service.feeds.feed import Feed, Publisher
from service.feeds.formats import RELEASE, WRITERS, Format
from service.feeds.lists import MAX_ENTRIES, Head
from service.feeds.routes import serving
from service.limits import Limits, client
from service.models import Article
from service.models.listing import ANY
from service.pages import runtime

PER_CLIENT = "120 per minute"  # as the archive's search: many people share an address
CACHE = "public, max-age=300"
FOUND = {"tr": "Arama", "en": "Search"}


@dataclass(frozen=True)
class SearchFeed(Feed):
    """A feed whose address asks; it has no hub and no archive, like a private one."""

    query: str = ""

    def url(self, suffix: str) -> str:
        return f"{self.address}.{suffix}?{self.query}"


def blueprint(limits: Limits) -> APIBlueprint:
    """The search as a feed, in three formats."""
    part = APIBlueprint("search_feed", __name__, url_prefix="/feeds", enable_openapi=False)

    @part.get("/search.<any(rss, atom, json):suffix>")
    def show(suffix: str) -> Response:
        if not limits.allow(PER_CLIENT, f"archive-search:{client()}"):
            return sentence(gettext("Too many searches at once. Wait a minute."), 429, 60)
        return _answer(Format(suffix))

    @part.after_request
    def unlisted(response: Response) -> Response:
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return part


def _answer(wanted: Format) -> Response:
    typed = request.args.get("q", "")
    if len(typed) > MAX_QUERY:
        return sentence(gettext("Search for %(most)s characters at most.", most=MAX_QUERY), 400)
    text = printable(typed)
    query = read_query(text)
    if query is None:
        return sentence(gettext("Type at least one word to search for."), 400)
    composer, publisher = serving().composer, serving().publisher
    state = serving().clock.state()
    topic, place = (_named(state, kind) for kind in ("topic", "place"))
    if isinstance(topic, str) or isinstance(place, str):
        return sentence(gettext("There is no such topic or district."), 404)
    topic_id, place_id = topic.id if topic else None, place.id if place else None
    found, at = _hits(Wanted(topic_id, place_id, query=query))
    feed = _feed(publisher, text, topic, place)
    last = Stamp(max((one.seq for one in found), default=0), at or Stamp().at)
    return conditional(
        WRITERS[wanted].MEDIA_TYPE,
        hashed(RELEASE, state.names, feed, found),
        lambda: composer.compose_of(feed, found, wanted, state.names, last).body(),
        CACHE,
        state.last_change([(ANY, ANY)]).modified(),  # a hit may have come, changed or gone
    )


def _named(state: FeedState, kind: str) -> Named | str | None:
    """What the address limits the search to; the word itself where nothing is called so."""
    known = state.topics if kind == "topic" else state.places
    word = request.args.get(kind, "")
    return known.get(word, word) if word else None


def _hits(wanted: Wanted) -> tuple[Sequence[Head], datetime | None]:
    """The newest hits, and when one of them changed last."""
    with runtime().db.read() as session:
        ids = newest(session, wanted, MAX_ENTRIES)
        columns: tuple[Any, ...] = (Article.id, Article.feed_seq, Article.feed_at)
        rows = session.execute(select(*columns).where(Article.id.in_(ids))).all()
    known = {row.id: row for row in rows}
    found = [
        Head(one, known[one].feed_seq or 0, len(ids) - at)
        for at, one in enumerate(ids)
        if one in known
    ]
    return found, max((row.feed_at for row in rows if row.feed_at), default=None)


def _feed(publisher: Publisher, text: str, topic: Named | None, place: Named | None) -> SearchFeed:
    spoken, base = publisher.language, publisher.base_url
    named = [one for one in (topic, place) if one]
    asked = {"q": text}
    asked |= {"topic": topic.slug} if topic else {}
    asked |= {"place": place.slug} if place else {}
    said = ", ".join([f"“{text}”", *(one.name(spoken) for one in named)])
    return SearchFeed(
        publisher=publisher,
        address=f"{base}/feeds/search",
        title=f"{publisher.city}: {FOUND.get(spoken, FOUND['en'])} {said}",
        description=said,
        page_url=f"{base}/haberler?{urlencode(asked)}",
        pairs=(),
        is_private=True,
        query=urlencode(asked),
    )
