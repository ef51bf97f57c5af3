"""`/feeds/<topic>.rss` and `/feeds/all.rss`, with conditional requests."""

from __future__ import annotations

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, current_app, redirect, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from service.classify.text import slugify
from service.feeds.entries import Entry, change_seq, entries
from service.feeds.rss import Channel, render_rss
from service.models import Topic
from service.runtime import Runtime
from service.settings import Settings

feeds = APIBlueprint("feeds", __name__, url_prefix="/feeds", tag="Feeds")

ALL = "all"
CACHE = "public, max-age=60, stale-while-revalidate=300"
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # an empty feed has changed at some time too


@feeds.get("/<key>.rss")
@feeds.doc(
    summary="A topic's feed, or all news",
    responses={
        200: "RSS 2.0, the newest 25 articles.",
        304: "Nothing new since the ETag that was sent.",
        308: "The feed under its canonical address.",
        404: "No such topic.",
    },
)
def rss(key: str) -> BaseResponse:
    """Serve a feed. Its weak ETag is the number of its last change, so a 304 costs one query."""
    runtime: Runtime = current_app.extensions["tellal"]
    if (canonical := slugify(key)) != key and canonical:
        return redirect(f"{runtime.settings.public_url}/feeds/{canonical}.rss", code=308)
    with runtime.db.read() as session:
        topic = _topic(session, key)
        response = Response(mimetype="application/rss+xml")
        response.set_etag(f"{change_seq(session, topic)}-rss1", weak=True)
        response.headers["Cache-Control"] = CACHE
        response.headers["Access-Control-Allow-Origin"] = "*"
        if response.make_conditional(request).status_code != 304:
            found = entries(session, topic)
            channel = _channel(runtime.settings, topic)
            response.set_data(render_rss(channel, found, _changed_at(found)))
    return response


def _topic(session: Session, key: str) -> Topic | None:
    if key == ALL:
        return None
    topic = session.scalar(select(Topic).where(Topic.slug == key))
    if topic is None:
        raise NotFound()
    return topic


def _channel(settings: Settings, topic: Topic | None) -> Channel:
    name = topic.name_tr if topic else "Bütün haberler"
    base = settings.public_url
    return Channel(
        title=f"{settings.city_name}: {name}",
        description=(topic.description_tr if topic else "") or name,
        link=f"{base}/",
        self_url=f"{base}/feeds/{topic.slug if topic else ALL}.rss",
        language="tr",
        city=settings.city_name,
        tag_authority=settings.mail_from.rpartition("@")[2],
    )


def _changed_at(found: list[Entry]) -> datetime:
    return max((entry.changed_at for entry in found), default=EPOCH)
