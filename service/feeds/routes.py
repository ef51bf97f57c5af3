"""`/feeds/<topic>.rss` and `/feeds/all.rss`, with conditional requests."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, redirect, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from service.classify.text import slugify
from service.db import utcnow
from service.feeds.entries import Change, entries, last_change
from service.feeds.rss import Channel, render_rss
from service.models import Topic
from service.runtime import Runtime
from service.settings import Settings

feeds = APIBlueprint("feeds", __name__, url_prefix="/feeds", tag="Feeds")

ALL = "all"
ALL_NEWS = {"tr": "Bütün haberler", "en": "All news"}
CACHE = "public, max-age=60, stale-while-revalidate=300"


def _in(media: str, text: str) -> dict[str, Any]:
    return {"description": text, "content": {media: {"schema": {"type": "string"}}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _in("application/rss+xml", "RSS 2.0, the newest 25 articles."),
    304: {"description": "Nothing new since the ETag that was sent."},
    308: _in("text/html", "The feed under its canonical address."),
    404: _in("text/html", "No such topic."),
}


@feeds.get("/<key>.rss")
@feeds.doc(summary="A topic's feed, or all news", responses=RESPONSES)
def rss(key: str) -> BaseResponse:
    """Serve a feed. Its weak ETag is the number of its last change, so a 304 costs one query."""
    runtime: Runtime = current_app.extensions["tellal"]
    if not (canonical := slugify(key)):
        raise NotFound()
    if canonical != key:
        return redirect(f"{runtime.settings.public_url}/feeds/{canonical}.rss", code=308)
    with runtime.db.read() as session:
        topic = _topic(session, key)
        response = Response(mimetype="application/rss+xml")
        channel, change = _channel(runtime.settings, topic), last_change(session, topic)
        response.set_etag(f"{change.seq}-{_fingerprint(channel)}", weak=True)
        if moment := _last_modified(change):
            response.last_modified = moment
        response.headers["Cache-Control"] = CACHE
        response.headers["Access-Control-Allow-Origin"] = "*"
        if response.make_conditional(request).status_code != 304:
            response.set_data(render_rss(channel, entries(session, topic), change.at))
    return response


def _topic(session: Session, key: str) -> Topic | None:
    if key == ALL:
        return None
    topic = session.scalar(select(Topic).where(Topic.slug == key))
    if topic is None:
        raise NotFound()
    return topic


def _channel(settings: Settings, topic: Topic | None) -> Channel:
    spoken = settings.brand.language
    name = topic.name(spoken) if topic else ALL_NEWS.get(spoken, ALL_NEWS["en"])
    base = settings.public_url
    return Channel(
        title=f"{settings.city_name}: {name}",
        description=(topic.description(spoken) if topic else "") or name,
        link=f"{base}/",
        self_url=f"{base}/feeds/{topic.slug if topic else ALL}.rss",
        language=spoken,
        city=settings.city_name,
        tag_authority=settings.mail_from.rpartition("@")[2],
    )


def _fingerprint(channel: Channel) -> str:
    """What else the bytes depend on: the settings, and how this release writes them."""
    return hashlib.sha256(f"rss2 {channel}".encode()).hexdigest()[:8]


def _last_modified(change: Change) -> datetime | None:
    """The end of the second of the last change, once it is over: until then the feed may change
    again, and nobody could tell the two versions apart."""
    end = change.at.replace(microsecond=0) + timedelta(seconds=1)
    return end if end <= utcnow() else None
