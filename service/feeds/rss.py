"""RSS 2.0 after the RSS Board's Best Practices Profile, serialised by feedgen."""

from __future__ import annotations

import html
import re

from feedgen.feed import FeedGenerator

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.feedgen_fixes import DC, generator
from service.feeds.links import MEDIA_TYPES, links
from service.feeds.markup import illustrated
from service.feeds.texts import (
    WITHDRAWN,
    address,
    gone_address,
    line,
    one_line,
    other_language,
    ours,
    said,
    spoken,
    tag,
    title,
    whole_second,
)

MEDIA_TYPE = MEDIA_TYPES["rss"]
SEPARATOR = b""
TIME_TO_LIVE_MIN = 5
_TAIL = b"</channel></rss>"
_TITLE = re.compile(rb"<title>[^<]*</title>")


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One item."""
    feed = _bare(publisher)
    add(feed, publisher, entry)
    return _item(feed)


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """The format has no tombstone, so the item says it under its old id."""
    feed = _bare(publisher)
    item = feed.add_entry(order="append")
    item.guid(tag(publisher, article), permalink=False)
    item.title(said(WITHDRAWN, article.language))
    item.link(href=gone_address(publisher, article))
    item.description(said(WITHDRAWN, article.language))
    item.pubDate(whole_second(article.published_at))
    item.fixes.creator, item.fixes.updated = line(publisher.city), whole_second(article.at)
    item.fixes.language = other_language(publisher, ours(article.language))
    return _item(feed)


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The channel's own elements, and what closes it."""
    return written(channel(feed, change)).removesuffix(_TAIL), _TAIL


def channel(feed: Feed, change: Stamp) -> FeedGenerator:
    """The channel without its items."""
    publisher = feed.publisher
    made = generator(publisher.base_url)
    made.title(line(feed.title))
    made.description(line(feed.description))
    made.link(href=feed.page_url)
    for slug, name in feed.about:
        made.category(term=slug, scheme=publisher.scheme("topic"), label=line(name))
    made.language(publisher.language)
    made.copyright(f"© {line(publisher.city)}")
    made.docs("https://www.rssboard.org/rss-specification")
    made.ttl(TIME_TO_LIVE_MIN)
    made.lastBuildDate(whole_second(change.at))
    if publisher.logo and publisher.logo.width:
        width, height = publisher.logo.fitted()
        made.image(publisher.logo.url, line(feed.title), feed.page_url, str(width), str(height))
    *linked, _page = links(feed, "rss")  # the page stands in the channel's own `link`
    made.fixes.page, made.fixes.links = feed.page_url, linked
    made.fixes.namespaces, made.fixes.is_archive = {"dc": DC}, feed.current is not None
    return made


def add(made: FeedGenerator, publisher: Publisher, entry: Entry) -> None:
    """Append an item. Pictures stand in its content: an enclosure needs a length and a type, which
    nobody told us."""
    item = made.add_entry(order="append")
    item.guid(tag(publisher, entry), permalink=False)
    item.title(title(entry))
    item.link(href=address(publisher, entry))
    item.description(html.escape(one_line(entry.summary) or title(entry), quote=False))
    if content := illustrated(publisher, entry):
        item.content(content.replace("]]>", "]]&gt;"), type="CDATA")
    item.pubDate(whole_second(entry.published_at))
    for scheme, labels in (("topic", entry.topics), ("place", entry.places)):
        for slug, name in labels:
            item.category(term=slug, scheme=publisher.scheme(scheme), label=line(name))
    item.fixes.creator, item.fixes.updated = line(publisher.city), whole_second(entry.changed_at)
    item.fixes.language = other_language(publisher, spoken(entry.language))


def written(feed: FeedGenerator) -> bytes:
    """Its bytes. Titles are plain text; readers that take them for HTML stumble least over marks
    that are written as numbers."""
    return _TITLE.sub(
        lambda found: found[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;"),
        feed.rss_str(),
    )


def _bare(publisher: Publisher) -> FeedGenerator:
    feed = generator(publisher.base_url)
    feed.title("-")
    feed.description("-")
    feed.link(href="-")
    feed.fixes.namespaces = {"dc": DC}
    return feed


def _item(feed: FeedGenerator) -> bytes:
    xml = written(feed)
    return xml[xml.index(b"<item>") : xml.rindex(_TAIL)]
