"""Atom (RFC 4287) with tombstones (RFC 6721), serialised by feedgen."""

from __future__ import annotations

from feedgen.feed import FeedGenerator
from lxml import etree

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.feedgen_fixes import generator
from service.feeds.texts import WITHDRAWN, address, clean, tag, whole_second

MEDIA_TYPE = "application/atom+xml"
SEPARATOR = b""
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_TAIL = b"</feed>"


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One entry."""
    feed = _bare()
    item = feed.add_entry(order="append")
    item.id(tag(publisher, entry))
    item.title(clean(entry.title))
    item.summary(clean(entry.summary) or clean(entry.title))
    if entry.body_html:
        item.content(clean(entry.body_html), type="html")
    item.published(whole_second(entry.published_at))
    item.updated(whole_second(entry.changed_at))
    item.author(name=publisher.city)
    for scheme, labels in (("topic", entry.topics), ("place", entry.places)):
        for slug, name in labels:
            item.category(term=slug, scheme=f"{publisher.base_url}/haberler#{scheme}", label=name)
    page = {"rel": "alternate", "type": "text/html", "href": address(publisher, entry)}
    item.fixes.links = [page]
    xml = _written(feed)
    return xml[xml.index(b"<entry>") : xml.rindex(b"</entry>") + len(b"</entry>")]


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """A tombstone; its namespace is declared here, where alone it is used."""
    stone = etree.Element(
        f"{{{TOMBSTONES}}}deleted-entry",
        {"ref": tag(publisher, article), "when": whole_second(article.at).isoformat()},
        nsmap={"at": TOMBSTONES},
    )
    said = WITHDRAWN.get(article.language, WITHDRAWN["en"])
    etree.SubElement(stone, f"{{{TOMBSTONES}}}comment").text = said
    return bytes(etree.tostring(stone, encoding="utf-8"))


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The feed's own elements, and what closes it."""
    made = generator()
    made.id(feed.url("atom"))
    made.title(clean(feed.title))
    made.subtitle(clean(feed.description))
    made.updated(whole_second(change.at))
    made.author(name=feed.publisher.city)
    made.link(href=feed.url("atom"), rel="self", type=MEDIA_TYPE)
    made.link(href=feed.page_url, rel="alternate", type="text/html")
    if not feed.is_private:
        made.link(href=feed.publisher.hub_url, rel="hub")
    if feed.prev_archive:
        made.link(href=f"{feed.prev_archive}.atom", rel="prev-archive")
    made.language(feed.publisher.language)
    return _written(made).removesuffix(_TAIL), _TAIL


def _bare() -> FeedGenerator:
    feed = generator()
    feed.id("-")
    feed.title("-")
    feed.updated("2025-01-01T00:00:00Z")
    return feed


def _written(feed: FeedGenerator) -> bytes:
    xml: bytes = feed.atom_str()
    return xml
