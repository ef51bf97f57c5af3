"""`/feeds/<key>.rss`, `.atom` and `.json`, with conditional requests."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, current_app, redirect, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as BaseResponse

from service.db import utcnow
from service.feeds.clock import Clock, FeedState, Stamp
from service.feeds.composing import Composer
from service.feeds.feed import Feed, find
from service.feeds.formats import RELEASE, WRITERS, Format
from service.feeds.keys import MAX_PLACES, MAX_TOPICS, FeedKey, KeyTooLongError
from service.runtime import Runtime

feeds = APIBlueprint("feeds", __name__, url_prefix="/feeds", tag="Feeds")

CACHE = "public, max-age=60, stale-while-revalidate=300"
EXTENSION = "tellal.feeds"


def _in(text: str) -> dict[str, Any]:
    media = [writer.MEDIA_TYPE for writer in WRITERS.values()]
    return {"description": text, "content": {one: {"schema": {"type": "string"}} for one in media}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _in("The newest 25 articles."),
    304: {"description": "Nothing new since the ETag that was sent."},
    308: {"description": "The feed under its canonical address."},
    400: {"description": "More topics or places than one feed joins."},
    404: {"description": "No such topic or place."},
}


@feeds.get("/<key>.<any(rss, atom, json):suffix>")
@feeds.doc(summary="The feed of a combination of topics and places, or of all", responses=RESPONSES)
def show(key: str, suffix: str) -> BaseResponse:
    """Serve a feed. Its weak ETag is the number of its last change, so a 304 costs no query."""
    wanted = Format(suffix)
    runtime: Runtime = current_app.extensions["tellal"]
    read = _read(key)
    if str(read) != key:
        return redirect(f"{runtime.settings.public_url}/feeds/{read}.{wanted}", code=308)
    clock, composer = cast(tuple[Clock, Composer], current_app.extensions[EXTENSION])
    publisher = composer.publisher
    state = clock.state()
    feed = find(publisher, state, read)
    if feed is None:
        raise NotFound()
    change = state.last_change(feed.pairs)
    response = Response(content_type=f"{WRITERS[wanted].MEDIA_TYPE}; charset=utf-8")
    response.set_etag(f"{change.seq}-{_fingerprint(feed, state)}", weak=True)
    if moment := _last_modified(change):
        response.last_modified = moment
    response.headers["Cache-Control"] = CACHE
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers.add("Link", f'<{publisher.hub_url}>; rel="hub"')
    response.headers.add("Link", f'<{feed.url(wanted)}>; rel="self"')
    if response.make_conditional(request).status_code != 304:
        response.set_data(composer.compose(feed, wanted, state, change).body())
    return response


def _read(text: str) -> FeedKey:
    try:
        key = FeedKey.read(text)
    except KeyTooLongError:
        raise BadRequest(
            f"A feed joins at most {MAX_TOPICS} topics and {MAX_PLACES} places: take all, or two."
        ) from None
    if key is None:
        raise NotFound()
    return key


def _fingerprint(feed: Feed, state: FeedState) -> str:
    """What else the bytes depend on: settings, names, and how this release writes them."""
    return hashlib.sha256(f"{RELEASE} {state.names} {feed}".encode()).hexdigest()[:8]


def _last_modified(change: Stamp) -> datetime | None:
    """The end of the second of the last change, once it is over: until then the feed may change
    again, and nobody could tell the two versions apart."""
    end = change.at.replace(microsecond=0) + timedelta(seconds=1)
    return end if end <= utcnow() else None
