"""JSON Feed 1.1."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.feed_rules.values import html_findings, is_language, is_url, rfc3339

VERSION = "https://jsonfeed.org/version/1.1"
TOP = {
    *("version", "title", "home_page_url", "feed_url", "description", "user_comment", "next_url"),
    *("icon", "favicon", "authors", "language", "expired", "hubs", "items"),
}
ITEM = {
    *("id", "url", "external_url", "title", "content_html", "content_text", "summary", "image"),
    *("banner_image", "date_published", "date_modified", "authors", "tags", "language"),
    "attachments",
}
URLS = {
    *("home_page_url", "feed_url", "next_url", "icon", "favicon", "url", "external_url", "image"),
    *("banner_image", "avatar"),
}
LISTS = {"authors", "hubs", "items", "tags", "attachments"}
AUTHOR = {"name", "url", "avatar"}


def json_findings(body: bytes) -> list[str]:
    """What is wrong with a JSON Feed."""
    found: list[str] = []
    doubles: list[str] = []

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        doubles.extend(key for key, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        feed = json.loads(body.decode("utf-8"), object_pairs_hook=paired)
    except ValueError as error:
        return [f"json: {error}"]
    found += [f"json-double: the key {key}" for key in doubles]
    if feed.get("version") != VERSION or next(iter(feed)) != "version":
        found.append("json-version: is not 1.1, or does not stand first")
    _object(feed, "feed", TOP, ("title", "home_page_url", "feed_url", "items"), found)
    if feed.get("next_url") == feed.get("feed_url"):
        found.append("json-next: leads to itself")
    for hub in _list(feed, "hubs"):
        _object(hub, "hub", {"type", "url"}, ("type", "url"), found)
    items = _list(feed, "items")
    for item in items:
        _item(item, found)
    for one in (feed, *items):
        for author in _list(one, "authors"):
            _object(author, "author", AUTHOR, (), found)
            if not author:
                found.append("json-author: says nothing")
    ids = Counter(item.get("id") for item in items)
    found += [f"json-id: {ident} twice" for ident, count in ids.items() if count > 1]
    return found


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    found = parent.get(key, [])
    return found if isinstance(found, list) else []


def _object(
    value: Any, what: str, known: set[str], needed: tuple[str, ...], found: list[str]
) -> None:
    if not isinstance(value, dict):
        found.append(f"json-type: {what} is no object")
        return
    found += [f"json-missing: {key} of {what}" for key in needed if key not in value]
    for key, one in value.items():
        kind: type = list if key in LISTS else bool if key == "expired" else str
        if key not in known and not key.startswith("_"):
            found.append(f"json-key: {key} of {what}")
        elif key in known and not isinstance(one, kind):
            found.append(f"json-type: {key} of {what}")
        elif key in URLS and not is_url(one):
            found.append(f"json-url: {key} {one!r}")
        elif key == "language" and not is_language(one):
            found.append(f"json-language: {one!r}")


def _item(item: Any, found: list[str]) -> None:
    _object(item, "item", ITEM, ("id", "url"), found)
    if not isinstance(item, dict):
        return
    if not ("content_html" in item or "content_text" in item):
        found.append("json-content: an item has none")
    for key in ("date_published", "date_modified"):
        if key in item and rfc3339(item[key]) is None:
            found.append(f"json-date: {item[key]!r}")
    if not all(isinstance(tag, str) for tag in _list(item, "tags")):
        found.append("json-type: tags")
    for one in _list(item, "attachments"):
        if not (is_url(one.get("url")) and isinstance(one.get("mime_type"), str)):
            found.append("json-attachment: needs url and mime_type")
    if isinstance(item.get("content_html"), str):
        found.extend(html_findings(item["content_html"]))
