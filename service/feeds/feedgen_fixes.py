"""feedgen 1.0.0 made right through its own extensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"

Link = dict[str, str]


@dataclass
class ChannelFixes(BaseExtension):  # type: ignore[misc]
    """The web page in RSS's `link`, which feedgen sets to the last link that was added, and every
    link in RSS, of which it keeps `self` alone."""

    page: str = ""
    links: list[Link] = field(default_factory=list)

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC}

    def extend_rss(self, feed: etree._Element) -> etree._Element:
        channel = feed.find("channel")
        assert channel is not None, "feedgen always makes a channel"
        link = channel.find("link")
        assert link is not None, "feedgen always makes a link"
        link.text = self.page
        for own in channel.findall(f"{{{ATOM}}}link"):
            channel.remove(own)
        for place, attributes in enumerate(self.links, channel.index(link) + 1):
            channel.insert(place, etree.Element(f"{{{ATOM}}}link", attributes))
        return feed


@dataclass
class EntryFixes(BaseEntryExtension):  # type: ignore[misc]
    """In Atom the links with their attributes; in RSS the author without an email address, the time
    of the last edit, and the description before the content."""

    links: list[Link] = field(default_factory=list)
    creator: str = ""
    updated: datetime | None = None

    def extend_atom(self, entry: etree._Element) -> etree._Element:
        for own in entry.findall("link"):  # feedgen's tree of Atom has bare names
            entry.remove(own)
        for attributes in self.links:
            etree.SubElement(entry, "link", attributes)
        return entry

    def extend_rss(self, entry: etree._Element) -> etree._Element:
        etree.SubElement(entry, f"{{{DC}}}creator").text = self.creator
        if self.updated:
            etree.SubElement(entry, f"{{{ATOM}}}updated").text = self.updated.isoformat()
        description, content = entry.find("description"), entry.find("{*}encoded")
        if description is not None and content is not None:
            entry.remove(content)
            description.addnext(content)
        return entry


def generator() -> FeedGenerator:
    """A feed generator that writes what is right."""
    feed = FeedGenerator()
    feed.register_extension("fixes", ChannelFixes, EntryFixes)
    feed.generator("Tellal")
    return feed
