"""The three formats of a feed, behind one interface: an entry is a fragment, a feed is a join."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from service.feeds import atom, json_feed, rss
from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher

RELEASE = 2  # of what the bytes look like: raise it with every change of a writer


class Format(StrEnum):
    """Its value is the suffix of a feed's address."""

    RSS = "rss"
    ATOM = "atom"
    JSON = "json"


class Writer(Protocol):
    """Writes one format. The same state gives the same bytes, in any process."""

    MEDIA_TYPE: str
    SEPARATOR: bytes  # between two fragments

    def fragment(self, publisher: Publisher, entry: Entry) -> bytes:
        """One article; it depends on nothing of the feed that it stands in."""

    def gone(self, publisher: Publisher, article: Withdrawn) -> bytes:
        """An article that was withdrawn."""

    def envelope(self, feed: Feed, change: Stamp) -> tuple[bytes, bytes]:
        """What stands before the first fragment and behind the last."""


WRITERS: dict[Format, Writer] = {
    Format.RSS: rss,
    Format.ATOM: atom,
    Format.JSON: json_feed,
}
