"""feedgen 1.0.0 made right, through its own extensions wherever they reach.

tests/unit/feeds/test_feedgen.py shows each fault by feedgen alone, and fails when it is mended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from importlib.metadata import version

import feedgen.entry
import feedgen.feed
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from service.feeds.links import Link

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
HISTORY = "http://purl.org/syndication/history/1.0"
_XML = "{http://www.w3.org/XML/1998/namespace}"

# feedgen writes a date of RSS with the whole process switched to another locale, which no thread
# may do. Dates are written before any extension is asked, so its function itself is replaced.
feedgen.feed.formatRFC2822 = feedgen.entry.formatRFC2822 = format_datetime


@dataclass
class ChannelFixes(BaseExtension):  # type: ignore[misc]
    """All links, of which feedgen's RSS keeps `self` alone; in RSS's own `link` the web page, not
    the last link that was added; and what marks a document as an archive."""

    page: str = ""
    links: list[Link] = field(default_factory=list)
    namespaces: dict[str, str] = field(default_factory=dict)
    is_archive: bool = False

    def extend_ns(self) -> dict[str, str]:
        return {**self.namespaces, **({"fh": HISTORY} if self.is_archive else {})}

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        for own in feed.findall("link"):  # feedgen's tree of Atom has bare names
            feed.remove(own)
        for attributes in self.links:
            etree.SubElement(feed, "link", attributes)
        self._mark(feed)
        return feed

    def extend_rss(self, feed: etree._Element) -> etree._Element:
        channel = feed.find("channel")
        assert channel is not None, "feedgen always makes a channel"
        link = channel.find("link")
        assert link is not None, "feedgen always makes a link"
        link.text = self.page
        for own in channel.findall(f"{{{ATOM}}}link"):
            channel.remove(own)
        for attributes in self.links:
            etree.SubElement(channel, f"{{{ATOM}}}link", attributes)
        self._mark(channel)
        return feed

    def _mark(self, channel: etree._Element) -> None:
        if self.is_archive:
            etree.SubElement(channel, f"{{{HISTORY}}}archive")


@dataclass
class EntryFixes(BaseEntryExtension):  # type: ignore[misc]
    """In Atom the links with their attributes, and the language; in RSS the author without an email
    address, the time of the last edit, the language, and the description before the content.

    `language`: only where it is another than the feed's.
    """

    links: list[Link] = field(default_factory=list)
    base: str = ""
    creator: str = ""
    language: str = ""
    updated: datetime | None = None

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        for own in entry.findall("link"):
            entry.remove(own)
        for attributes in self.links:
            etree.SubElement(entry, "link", attributes)
        if self.language:
            entry.set(f"{_XML}lang", self.language)
        if (content := entry.find("content")) is not None:
            content.set(f"{_XML}base", self.base)
        return entry

    def extend_rss(self, entry: etree._Element) -> etree._Element:
        etree.SubElement(entry, f"{{{DC}}}creator").text = self.creator
        if self.language:
            etree.SubElement(entry, f"{{{DC}}}language").text = self.language
        if self.updated:
            etree.SubElement(entry, f"{{{ATOM}}}updated").text = self.updated.isoformat()
        return entry


def generator(base_url: str) -> FeedGenerator:
    """A feed generator that writes what is right."""
    feed = FeedGenerator()
    feed.register_extension("fixes", ChannelFixes, EntryFixes)
    feed.generator("Tellal", _version(), f"{base_url}/")
    return feed


@cache
def _version() -> str:
    return version("tellal")
