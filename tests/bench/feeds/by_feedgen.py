"""A feed as most programs make it: by feedgen alone, whole, for each request."""

from __future__ import annotations

from collections.abc import Iterable

from feedgen.feed import FeedGenerator

from service.feeds.entries import Entry
from service.feeds.feed import Publisher


def atom(publisher: Publisher, entries: Iterable[Entry]) -> bytes:
    """The Atom feed of these articles."""
    feed = FeedGenerator()
    feed.id(publisher.base_url)
    feed.title(publisher.city)
    feed.author(name=publisher.city)
    feed.link(href=publisher.base_url, rel="alternate")
    for one in entries:
        item = feed.add_entry(order="append")
        item.id(one.url)
        item.title(one.title)
        item.link(href=one.url)
        item.summary(one.summary)
        item.content(one.body_html, type="html")
        item.published(one.published_at)
        item.updated(one.changed_at)
        for slug, name in (*one.topics, *one.places):
            item.category(term=slug, label=name)
    written: bytes = feed.atom_str()
    return written
