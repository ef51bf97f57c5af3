"""Atom (RFC 4287) with tombstones (RFC 6721), serialised by feedgen."""

from __future__ import annotations

from feedgen.feed import FeedGenerator
from lxml import etree

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.feedgen_fixes import generator
from service.feeds.links import MEDIA_TYPES, links
from service.feeds.markup import illustrated
from service.feeds.texts import (
    WITHDRAWN,
    address,
    line,
    other_language,
    ours,
    page,
    said,
    spoken,
    tag,
    title,
    whole_second,
)

MEDIA_TYPE = MEDIA_TYPES["atom"]
SEPARATOR = b""
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TAIL = b"</feed>"


def fragment(publisher: Publisher, entry: Entry) -> bytes:
    """One entry."""
    feed = generator(publisher.base_url)
    feed.id("-")
    feed.title("-")
    add(feed, publisher, entry)
    xml: bytes = feed.atom_str()
    return xml[xml.index(b"<entry") : xml.rindex(_TAIL)]


def gone(publisher: Publisher, article: Withdrawn) -> bytes:
    """A tombstone; its namespace is declared here, where alone it is used."""
    stone = etree.Element(
        f"{{{TOMBSTONES}}}deleted-entry",
        {"ref": tag(publisher, article), "when": whole_second(article.at).isoformat()},
        nsmap={"at": TOMBSTONES},
    )
    by = etree.SubElement(stone, f"{{{TOMBSTONES}}}by")
    etree.SubElement(by, "name").text = line(publisher.city)
    comment = etree.SubElement(stone, f"{{{TOMBSTONES}}}comment", {_LANG: ours(article.language)})
    comment.text = said(WITHDRAWN, article.language)
    return bytes(etree.tostring(stone, encoding="utf-8"))


def envelope(feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
    """The feed's own elements, and what closes it."""
    xml: bytes = channel(feed, change).atom_str()
    return xml.removesuffix(_TAIL), _TAIL


def channel(feed: Feed, change: Stamp) -> FeedGenerator:
    """The feed without its entries. An archive has the id of the feed that it belongs to."""
    publisher = feed.publisher
    made = generator(publisher.base_url)
    made.id(f"{feed.current or feed.address}.atom")
    made.title(line(feed.title))
    made.subtitle(line(feed.description))
    made.updated(whole_second(change.at))
    made.author(name=line(publisher.city), uri=f"{publisher.base_url}/")
    for slug, name in feed.about:
        made.category(term=slug, scheme=publisher.scheme("topic"), label=line(name))
    if publisher.icon_url:
        made.icon(publisher.icon_url)
    if publisher.logo:
        made.logo(publisher.logo.url)
    made.rights(f"© {line(publisher.city)}")
    made.language(publisher.language)
    made.fixes.links, made.fixes.is_archive = links(feed, "atom"), feed.current is not None
    return made


def add(made: FeedGenerator, publisher: Publisher, entry: Entry) -> None:
    """Append an entry."""
    item = made.add_entry(order="append")
    item.id(tag(publisher, entry))
    item.title(title(entry))
    item.link(href=address(publisher, entry))  # feedgen wants one where there is no content
    if content := illustrated(publisher, entry):
        item.content(content, type="html")
    item.summary(line(entry.summary) or title(entry))
    item.published(whole_second(entry.published_at))
    item.updated(whole_second(entry.changed_at))
    item.author(name=line(publisher.city))
    for scheme, labels in (("topic", entry.topics), ("place", entry.places)):
        for slug, name in labels:
            item.category(term=slug, scheme=publisher.scheme(scheme), label=line(name))
    item.fixes.links = _links(publisher, entry)
    item.fixes.base = address(publisher, entry)
    item.fixes.language = other_language(publisher, spoken(entry.language))


def _links(publisher: Publisher, entry: Entry) -> list[dict[str, str]]:
    """The article, and our page of it where that is another."""
    read, own = address(publisher, entry), page(publisher, entry)
    found = [] if read == own else [{"rel": "related", "type": "text/html", "href": own}]
    alternate = {"rel": "alternate", "type": "text/html", "href": read}
    if language := spoken(entry.language):
        alternate["hreflang"] = language
    return [*found, alternate]
