"""RSS 2.0 and the RSS Board's Best Practices Profile."""

from __future__ import annotations

import re
from collections import Counter

from lxml import etree

from tests.feed_rules.values import html_findings, is_language, is_url, rfc822, rfc3339
from tests.feed_rules.xml import ATOM, Findings, history_findings

DC = "{http://purl.org/dc/elements/1.1/}"
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
SYNDICATION = "{http://purl.org/rss/1.0/modules/syndication/}"
ONCE = ("title", "link", "description")
CHANNEL = {
    *ONCE,
    *("language", "copyright", "managingEditor", "webMaster", "pubDate", "lastBuildDate"),
    *("category", "generator", "docs", "cloud", "ttl", "image", "skipHours", "skipDays", "item"),
}
ITEM = {*ONCE, "author", "category", "comments", "enclosure", "guid", "pubDate", "source"}
_TITLE = re.compile(rb"<title>([^<]*)</title>")


def rss_findings(root: etree._Element, body: bytes, found: Findings) -> None:
    channel = root.find("channel")
    if root.get("version") != "2.0" or channel is None or len(root) != 1:
        found.append("rss-root: not one channel of version 2.0")
        return
    _children(channel, CHANNEL, {"category", "item"}, found)
    for name in ONCE:
        if not (channel.findtext(name) or "").strip():
            found.append(f"rss-channel: no {name}")
    _channel(channel, found)
    if any(b"&amp;" in title or b"&lt;" in title for title in _TITLE.findall(body)):
        found.append("rss-title: marks in a title are not written as numbers")
    items = channel.findall("item")
    for item in items:
        _item(item, found)
    ids = Counter(item.findtext("guid") for item in items)
    found += [f"rss-double: {guid}" for guid, count in ids.items() if count > 1]
    dates = [when for item in items if (when := rfc822(item.findtext("pubDate")))]
    if dates != sorted(dates, reverse=True):
        found.append("rss-order: not newest first")
    history_findings(channel, found)


def _children(parent: etree._Element, allowed: set[str], many: set[str], found: Findings) -> None:
    counts = Counter(str(child.tag) for child in parent)
    for name, count in counts.items():
        if not name.startswith("{") and name not in allowed:
            found.append(f"rss-child: {name} in {parent.tag}")
        if name.startswith(SYNDICATION):
            found.append("rss-syndication: its module is not of RSS 2.0")
        if count > 1 and not name.startswith("{") and name not in many:
            found.append(f"rss-count: {count} times {name} in {parent.tag}")


def _channel(channel: etree._Element, found: Findings) -> None:
    links = channel.findall(f"{ATOM}link")
    own = [link.get("href") for link in links if link.get("rel") == "self"]
    if len(own) != 1:
        found.append("rss-self: not exactly one link to itself")
    for link in links:
        if not is_url(link.get("href")):
            found.append(f"rss-url: {link.get('href')!r}")
    if not is_url(channel.findtext("link")) or channel.findtext("link") in own:
        found.append("rss-link: is not the web page")
    for name in ("pubDate", "lastBuildDate"):
        if channel.find(name) is not None and rfc822(channel.findtext(name)) is None:
            found.append(f"rss-date: {channel.findtext(name)!r}")
    if not is_language(channel.findtext("language")):
        found.append("rss-language: none")
    if not (channel.findtext("ttl") or "0").isdigit():
        found.append("rss-ttl: is no number")
    if (image := channel.find("image")) is not None:
        _image(image, channel, found)


def _image(image: etree._Element, channel: etree._Element, found: Findings) -> None:
    if not all(is_url(image.findtext(name)) for name in ("url", "link")):
        found.append("rss-image: needs a url and a link")
    for name in ("title", "link"):
        if image.findtext(name) != channel.findtext(name):
            found.append(f"rss-image: its {name} is not the channel's")
    if not 0 < int(image.findtext("width") or 88) <= 144:
        found.append("rss-image: too wide")
    if not 0 < int(image.findtext("height") or 31) <= 400:
        found.append("rss-image: too high")


def _item(item: etree._Element, found: Findings) -> None:
    _children(item, ITEM, {"category"}, found)
    if not (item.findtext("title") or "").strip():
        found.append("rss-item: no title")
    if not is_url(item.findtext("link")):
        found.append(f"rss-url: {item.findtext('link')!r}")
    guid = item.find("guid")
    if guid is None or not guid.text:
        found.append("rss-guid: none")
    elif guid.get("isPermaLink") != "false" and not is_url(guid.text):
        found.append("rss-guid: is no address, and does not say so")
    if rfc822(item.findtext("pubDate")) is None:
        found.append(f"rss-date: {item.findtext('pubDate')!r}")
    if item.find(f"{DC}creator") is None:
        found.append("rss-creator: nobody wrote it")
    if (language := item.find(f"{DC}language")) is not None and not is_language(language.text):
        found.append(f"rss-language: {language.text!r}")
    if (updated := item.find(f"{ATOM}updated")) is not None and rfc3339(updated.text) is None:
        found.append(f"rss-date: {updated.text!r}")
    enclosure = item.find("enclosure")
    if enclosure is not None and not (
        is_url(enclosure.get("url"))
        and enclosure.get("length", "").isdigit()
        and enclosure.get("type")
    ):
        found.append("rss-enclosure: needs url, length and type")
    names = [str(child.tag) for child in item]
    if ENCODED in names:
        if "description" not in names[: names.index(ENCODED)]:
            found.append("rss-description: not before the content")
        found.extend(html_findings(item.findtext(ENCODED) or ""))
    found.extend(html_findings(item.findtext("description") or ""))
