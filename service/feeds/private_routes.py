"""`/feeds/my/<token>`: a person's own feed in three formats, and the list of their feeds as OPML.

Whatever does not open gets one answer, be the address rotated, switched off, erased or made up: who
tries some learns nothing. Reading leaves no trace, and keeps nobody's data any longer.
"""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from flask_babel import gettext

from service.feeds import opml
from service.feeds.answering import conditional, hashed, sentence
from service.feeds.formats import RELEASE, WRITERS, Format
from service.feeds.private import keys_of_choices, private_feed
from service.feeds.routes import serving
from service.limits import Limits
from service.pages import runtime
from service.subscriptions.private_feeds import Followed, follow

PER_FEED = "240 per hour"  # some devices that ask once a minute; what comes from elsewhere is free
CACHE = "private, max-age=300"
OPML = "opml"


def blueprint(limits: Limits) -> APIBlueprint:
    """The feeds that follow somebody's choices."""
    part = APIBlueprint("private_feeds", __name__, url_prefix="/feeds/my", enable_openapi=False)

    @part.get("/<token>.<any(rss, atom, json, opml):suffix>")
    def show(token: str, suffix: str) -> Response:
        with runtime().db.read() as session:
            followed = follow(session, runtime().vault, token)
        if followed is None:
            return sentence(
                gettext(
                    "There is no such feed, or not any more. If it was yours, sign in on our site"
                    " and take its new address."
                ),
                404,
            )
        if not limits.allow(PER_FEED, f"private-feed:{followed.subscriber_id}"):
            return sentence(gettext("This feed is asked for too often. Wait a while."), 429, 900)
        return _list(followed) if suffix == OPML else _feed(followed, token, Format(suffix))

    @part.after_request
    def private(response: Response) -> Response:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    return part


def _feed(followed: Followed, token: str, wanted: Format) -> Response:
    composer = serving().composer
    state = serving().clock.state()
    feed = private_feed(serving().publisher, token.lower(), followed.choices)
    change = state.last_change(feed.pairs)
    # Without Last-Modified: what somebody chooses, or takes back, has no time in any list.
    return conditional(
        WRITERS[wanted].MEDIA_TYPE,
        f"{change.seq}-{hashed(RELEASE, state.names, feed)}",
        lambda: composer.compose(feed, wanted, state.names, change).body(),
        CACHE,
    )


def _list(followed: Followed) -> Response:
    publisher, state = serving().publisher, serving().clock.state()
    keys = tuple(keys_of_choices(state, followed.choices))
    return conditional(
        opml.MEDIA_TYPE,
        hashed(RELEASE, state.names, publisher, keys),
        lambda: opml.some_feeds(publisher, state, keys),
        CACHE,
    )
