"""How browsers and readers find the feeds: links in the head of every page that is not personal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIFlask
from flask import request
from flask_babel import gettext
from jinja2 import Undefined

from service.citizen.feed_addresses import FORMATS, Feed
from service.pages import endpoint_without_language

# Parts whose pages are for everybody. The address of another page may be somebody's secret, and
# what it shows is theirs alone: it leads nowhere.
PUBLIC = frozenset(
    ("topics", "archive", "article", "subscribe", "embed", "accessibility", "display", "api_docs")
)


def register(app: APIFlask) -> None:
    """Let the layout name feeds: `head_feeds`, of a page's own ones and the feed of all news."""

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {"head_feeds": _head_feeds, "is_public": _is_public(), "feed_formats": FORMATS}


def _is_public() -> bool:
    return bool(request) and endpoint_without_language().partition(".")[0] in PUBLIC


def _head_feeds(own: Sequence[Feed] | Undefined) -> list[Feed]:
    """Each once; those of the page first, since some readers take the first alone."""
    listed = [*(own or ()), Feed("/feeds/all", gettext("All news"))]
    return list({feed.url(): feed for feed in listed}.values())
