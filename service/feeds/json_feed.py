"""JSON Feed 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

from typing import Any

import orjson

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.texts import WITHDRAWN, address, clean, gone_address, tag, whole_second

MEDIA_TYPE = "application/feed+json"
SEPARATOR = b","


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One item."""
    item: dict[str, Any] = {
        "id": tag(publisher, entry),
        "url": address(publisher, entry),
        "title": clean(entry.title),
        "content_html": clean(entry.body_html) or clean(entry.summary),
        "date_published": whole_second(entry.published_at).isoformat(),
        "date_modified": whole_second(entry.changed_at).isoformat(),
        "language": entry.language,
        "tags": [name for _, name in (*entry.topics, *entry.places)],
    }
    if entry.summary:
        item["summary"] = clean(entry.summary)
    return orjson.dumps(item)


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """The format has no tombstone, so the item says it under its old id."""
    said = WITHDRAWN.get(article.language, WITHDRAWN["en"])
    return orjson.dumps(
        {
            "id": tag(publisher, article),
            "url": gone_address(publisher, article),
            "title": said,
            "content_text": said,
            "date_published": whole_second(article.published_at).isoformat(),
            "date_modified": whole_second(article.at).isoformat(),
            "language": article.language,
        }
    )


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The feed's own keys, `version` first, up to its items; and what closes it."""
    head: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page_url,
        "feed_url": feed.url("json"),
        "description": feed.description,
        "language": feed.publisher.language,
        "authors": [{"name": feed.publisher.city}],
    }
    if feed.prev_archive:
        head["next_url"] = f"{feed.prev_archive}.json"
    if not feed.is_private:
        head["hubs"] = [{"type": "WebSub", "url": feed.publisher.hub_url}]
    return orjson.dumps({**head, "items": []}).removesuffix(b"]}"), b"]}"
