"""JSON Feed 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

from typing import Any

import orjson

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.links import MEDIA_TYPES
from service.feeds.markup import body, picture
from service.feeds.texts import (
    WITHDRAWN,
    address,
    gone_address,
    line,
    ours,
    said,
    spoken,
    tag,
    title,
    whole_second,
)

MEDIA_TYPE = MEDIA_TYPES["json"]
SEPARATOR = b","


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One item."""
    item: dict[str, Any] = {
        "id": tag(publisher, entry),
        "url": address(publisher, entry),
        "title": title(entry),
    }
    if content := body(publisher, entry):
        item["content_html"] = content
    else:
        item["content_text"] = line(entry.summary) or title(entry)
    if summary := line(entry.summary):
        item["summary"] = summary
    if image := picture(entry):
        item["image"] = image
    item |= {
        "date_published": whole_second(entry.published_at).isoformat(),
        "date_modified": whole_second(entry.changed_at).isoformat(),
        "authors": [{"name": line(publisher.city)}],
        "tags": [line(name) for _, name in (*entry.topics, *entry.places)],
    }
    if language := spoken(entry.language):
        item["language"] = language
    return orjson.dumps(item)


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """The format has no tombstone, so the item says it under its old id."""
    return orjson.dumps(
        {
            "id": tag(publisher, article),
            "url": gone_address(publisher, article),
            "title": said(WITHDRAWN, article.language),
            "content_text": said(WITHDRAWN, article.language),
            "date_published": whole_second(article.published_at).isoformat(),
            "date_modified": whole_second(article.at).isoformat(),
            "language": ours(article.language),
        }
    )


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The feed's own keys, `version` first, up to its items; and what closes it. The time of its
    last change has no key in this format."""
    publisher = feed.publisher
    head: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": line(feed.title),
        "home_page_url": feed.page_url,
        "feed_url": feed.url("json"),
        "description": line(feed.description),
        "language": publisher.language,
        "authors": [{"name": line(publisher.city), "url": f"{publisher.base_url}/"}],
    }
    if publisher.icon_url:
        head["icon"] = head["favicon"] = publisher.icon_url
    if feed.prev_archive:
        head["next_url"] = f"{feed.prev_archive}.json"
    if not feed.is_private and feed.current is None:
        head["hubs"] = [{"type": "WebSub", "url": publisher.hub_url}]
    return orjson.dumps({**head, "items": []}).removesuffix(b"]}"), b"]}"
