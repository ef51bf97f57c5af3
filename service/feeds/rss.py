"""RSS 2.0 after the RSS Board's Best Practices Profile, serialised by feedgen."""

from __future__ import annotations

import html
import re

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.feedgen_fixes import generator
from service.feeds.texts import WITHDRAWN, address, clean, gone_address, tag, whole_second

MEDIA_TYPE = "application/rss+xml"
SEPARATOR = b""
TIME_TO_LIVE_MIN = 5
_TAIL = b"</channel></rss>"
_TITLE = re.compile(rb"<title>[^<]*</title>")


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One item."""
    feed = _bare()
    item = feed.add_entry(order="append")
    item.guid(tag(publisher, entry), permalink=False)
    item.title(clean(entry.title))
    item.link(href=address(publisher, entry))
    item.description(html.escape(clean(entry.summary) or clean(entry.title), quote=False))
    if entry.body_html:
        item.content(clean(entry.body_html).replace("]]>", "]]&gt;"), type="CDATA")
    item.pubDate(whole_second(entry.published_at))
    for _slug, name in (*entry.topics, *entry.places):
        item.category(term=name)
    item.fixes.creator, item.fixes.updated = publisher.city, whole_second(entry.changed_at)
    return _item(feed)


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """The format has no tombstone, so the item says it under its old id."""
    said = WITHDRAWN.get(article.language, WITHDRAWN["en"])
    feed = _bare()
    item: FeedEntry = feed.add_entry(order="append")
    item.guid(tag(publisher, article), permalink=False)
    item.title(said)
    item.link(href=gone_address(publisher, article))
    item.description(said)
    item.pubDate(whole_second(article.published_at))
    item.fixes.creator, item.fixes.updated = publisher.city, whole_second(article.at)
    return _item(feed)


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The channel's own elements, and what closes it."""
    made = generator()
    made.title(clean(feed.title))
    made.description(clean(feed.description))
    made.link(href=feed.page_url)
    made.fixes.page, made.fixes.links = feed.page_url, _links(feed)
    made.language(feed.publisher.language)
    made.docs("https://www.rssboard.org/rss-specification")
    made.ttl(TIME_TO_LIVE_MIN)
    made.lastBuildDate(whole_second(change.at))
    return _with_numbered_marks(made.rss_str()).removesuffix(_TAIL), _TAIL


def _links(feed: Feed) -> list[dict[str, str]]:
    links = [{"rel": "self", "type": MEDIA_TYPE, "href": feed.url("rss")}]
    if not feed.is_private:
        links.append({"rel": "hub", "href": feed.publisher.hub_url})
    if feed.prev_archive:
        links.append({"rel": "prev-archive", "href": f"{feed.prev_archive}.rss"})
    return links


def _bare() -> FeedGenerator:
    feed = generator()
    feed.title("-")
    feed.description("-")
    feed.link(href="-")
    return feed


def _item(feed: FeedGenerator) -> bytes:
    xml = _with_numbered_marks(feed.rss_str())
    return xml[xml.index(b"<item>") : xml.rindex(b"</item>") + len(b"</item>")]


def _with_numbered_marks(xml: bytes) -> bytes:
    """Titles are plain text; readers that take them for HTML stumble least over these."""
    return _TITLE.sub(
        lambda title: title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;"), xml
    )
