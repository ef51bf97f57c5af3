"""`/feeds/<key>/2026-11.atom` and the like: documents of a feed's archive."""

from __future__ import annotations

import threading
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, redirect
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from service.feeds.answering import conditional, hashed
from service.feeds.archives import Part, compose
from service.feeds.clock import FeedState
from service.feeds.feed import Feed, find
from service.feeds.formats import RELEASE, WRITERS, Format
from service.feeds.routes import RESPONSES as FEED_RESPONSES
from service.feeds.routes import read_key, serving
from service.limits import client
from service.problems import Problem
from service.runtime import Runtime

archives = APIBlueprint("feed_archives", __name__, url_prefix="/feeds", tag="Feeds")

OPEN_CACHE = "public, max-age=60, stale-while-revalidate=300"
# Whoever has a closed month need not ask again for a year; what stands between us and many asks
# each hour, so that what was withdrawn is not handed out for a year.
CLOSED_CACHE = "public, max-age=31536000, s-maxage=3600, immutable"
LIMITS = "120/minute"  # documents that a client may have written: ten years of one key
MAX_AT_ONCE = 2  # in one process: readers of feeds must not wait for readers of archives
PATIENCE_S = 10.0

_writing = threading.BoundedSemaphore(MAX_AT_ONCE)

RESPONSES: dict[int | str, dict[str, Any]] = {
    **{code: said for code, said in FEED_RESPONSES.items() if code != 226},
    200: {**FEED_RESPONSES[200], "description": "A month, or a part of it; the open part."},
    404: {
        **FEED_RESPONSES[404],
        "description": "No such feed, or nothing of it in that month, or not closed yet.",
    },
    429: {"description": "Too many documents that no cache held; see Retry-After."},
    503: {"description": "Others have documents written at this moment; see Retry-After."},
}


@archives.get("/<key>/<part>.<any(rss, atom, json):suffix>", provide_automatic_options=False)
@archives.doc(summary="A document of a feed's archive (RFC 5005)", responses=RESPONSES)
def show_part(key: str, part: str, suffix: str) -> BaseResponse:
    """Serve a document of an archive; a 304 costs no query."""
    wanted = Format(suffix)
    runtime: Runtime = current_app.extensions["tellal"]
    state = serving().clock.state()
    asked, read = Part.read(part, state), read_key(key)
    if asked is None:
        raise NotFound()
    if str(read) != key:
        address = f"{runtime.settings.public_url}/feeds/{read}/{part}.{wanted}"
        return redirect(address, code=308)
    feed = find(serving().publisher, state, read)
    if feed is None:
        raise NotFound()
    change, itself = asked.last_change(feed, state), asked.feed(feed)
    response = conditional(
        WRITERS[wanted].MEDIA_TYPE,
        f"{change.seq}-{hashed(RELEASE, state.names, itself)}",
        lambda: _body(runtime, feed, asked, wanted, state),
        CLOSED_CACHE if asked.month else OPEN_CACHE,
        change.modified(),
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    # No hub: nobody subscribes to an archive.
    response.headers.add("Link", f'<{itself.url(wanted)}>; rel="self"')
    return response


def _body(runtime: Runtime, feed: Feed, part: Part, wanted: Format, state: FeedState) -> bytes:
    if not runtime.limits.allow(LIMITS, f"feed archives:{client()}"):
        detail = f"At most {LIMITS} documents of archives; keep closed months in a cache."
        raise Problem(429, "Too Many Requests", detail, headers={"Retry-After": "60"})
    if not _writing.acquire(timeout=PATIENCE_S):
        detail = "Others read archives at this moment; ask again in some seconds."
        raise Problem(503, "Service Unavailable", detail, headers={"Retry-After": "5"})
    try:
        body = compose(runtime.db, feed, part, wanted, state)
    finally:
        _writing.release()
    if body is None:
        raise NotFound()
    return body
