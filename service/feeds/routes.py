"""`/feeds/<key>.rss`, `.atom` and `.json`: what the door in front (`service.feeds.door`) leaves."""

from __future__ import annotations

import re
from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, current_app, redirect, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from service.feeds.conditions import Asked
from service.feeds.door import is_escaped
from service.feeds.formats import WRITERS, Format
from service.feeds.keys import MAX_PLACES, MAX_TOPICS, FeedKey, KeyTooLongError
from service.feeds.serving import Serving
from service.feeds.version import Version
from service.limits import client
from service.runtime import Runtime

feeds = APIBlueprint("feeds", __name__, url_prefix="/feeds", tag="Feeds")

EXTENSION = "tellal.feeds"
# Feeds that one client may have composed; what is in memory, and every 304, is not counted.
COMPOSED = "600/minute"
PATIENCE_S = 60
UNKNOWN = "There is no such feed: a topic or a place in its address is not known here."
HURRIED = "Too many feeds in a minute that nobody had asked for: try again in a minute."
# A script of another site asks first whether it may send these (CORS preflight, Fetch standard).
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "A-IM, If-None-Match, If-Modified-Since",
    "Access-Control-Max-Age": "86400",
    "Allow": "GET, HEAD, OPTIONS",
}
_SUFFIX = re.compile(r"\.(rss|atom|json|xml)\Z", re.I)


def _said(text: str, *media: str) -> dict[str, Any]:
    return {"description": text, "content": {one: {"schema": {"type": "string"}} for one in media}}


def _in(text: str) -> dict[str, Any]:
    return _said(text, *(writer.MEDIA_TYPE for writer in WRITERS.values()))


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _in("The newest 25 articles."),
    226: _in("What has changed since the ETag that was sent with `A-IM: feed` (RFC 3229)."),
    304: {"description": "Nothing new since the ETag that was sent."},
    308: _said("The feed under its canonical address.", "text/html"),
    400: _said("More topics or places than one feed joins.", "text/plain"),
    404: _said("No such topic, place or format.", "text/plain", "text/html"),
    429: _said("So many feeds in a minute that nobody had asked for before.", "text/plain"),
}


@feeds.get("/<key>.<any(rss, atom, json):suffix>", provide_automatic_options=False)
@feeds.doc(summary="The feed of a combination of topics and places, or of all", responses=RESPONSES)
def show(key: str, suffix: str) -> BaseResponse:
    """Serve a feed. Its weak ETag is the number of its last change, so a 304 costs no query."""
    wanted = Format(suffix)
    read = read_key(key)
    if str(read) != key or is_escaped(request.environ):
        return _lead(read, wanted)
    version = serving().look_up(request.path, read, wanted)
    if version is None:
        raise NotFound(UNKNOWN)
    return respond(version)


@feeds.get("/<asked>", provide_automatic_options=False)
@feeds.get("/<asked>/", provide_automatic_options=False)
@feeds.doc(hide=True)
def lead(asked: str) -> BaseResponse:
    """Lead to a feed from an address with a slash behind it, a suffix in capitals, `.xml` or none:
    what people type, and others link to."""
    named = _SUFFIX.search(asked)
    if named is None and "." in asked:
        raise NotFound(UNKNOWN)
    suffix = named[1].lower() if named else "xml"
    return _lead(
        read_key(_SUFFIX.sub("", asked)), Format.RSS if suffix == "xml" else Format(suffix)
    )


@feeds.route("/<asked>", methods=["OPTIONS"])
@feeds.route("/<asked>/<part>.<any(rss, atom, json):suffix>", methods=["OPTIONS"])
@feeds.doc(hide=True)
def preflight(asked: str, part: str = "", suffix: str = "") -> BaseResponse:
    """Let scripts of other sites send conditions; nothing here is anybody's own."""
    return Response(status=204, headers=PREFLIGHT)


def say(error: HTTPException) -> BaseResponse:
    """One sentence, for whoever reads the log of a feed reader."""
    kept = [(name, value) for name, value in error.get_headers() if name == "Retry-After"]
    return Response(
        f"{error.description}\n", status=error.code, headers=kept, mimetype="text/plain"
    )


for _code in (400, 404, 429):
    feeds.register_error_handler(_code, say)


def respond(version: Version) -> BaseResponse:
    """Answer the present request with a version of a feed: with or without its bytes, or with what
    has changed.

    Raises:
        TooManyRequests: this client has had too much composed.
    """
    answer = serving().answer(version, Asked.of(request.environ), _admit)
    assert answer is not None, "what was admitted is answered"
    return Response(answer.body, status=answer.status, headers=answer.headers)


def serving() -> Serving:
    """What serves the feeds of this application."""
    return cast(Serving, current_app.extensions[EXTENSION])


def _admit() -> None:
    runtime: Runtime = current_app.extensions["tellal"]
    if not runtime.limits.allow(COMPOSED, f"feeds:{client()}"):
        raise TooManyRequests(HURRIED, retry_after=PATIENCE_S)


def _lead(key: FeedKey, wanted: Format) -> BaseResponse:
    runtime: Runtime = current_app.extensions["tellal"]
    return redirect(f"{runtime.settings.public_url}/feeds/{key}.{wanted}", code=308)


def read_key(text: str) -> FeedKey:
    """The key of an address.

    Raises:
        BadRequest: it joins more than one feed may.
        NotFound: it cannot be a key.
    """
    try:
        key = FeedKey.read(text)
    except KeyTooLongError:
        raise BadRequest(
            f"A feed joins at most {MAX_TOPICS} topics and {MAX_PLACES} places: take all, or two."
        ) from None
    if key is None:
        raise NotFound(UNKNOWN)
    return key
