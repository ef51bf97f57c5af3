"""Feeds as pages offer them: their addresses in each format, and a picture of one for phones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

import segno
from flask_babel import gettext

from service.feeds.keys import FeedKey, keys_of
from service.models import Place, Topic
from service.pages import language, runtime

QUIET_ZONE = 4  # modules of white around the code (ISO/IEC 18004, section 9.1)
# RSS first: it says "withdrawn" in every reader, where Atom's tombstones are known to few.
FORMATS = (("rss", "RSS"), ("atom", "Atom"), ("json", "JSON Feed"))


@dataclass(frozen=True)
class Feed:
    """A feed under a name in the reader's language. `path`: its address without the suffix."""

    path: str
    name: str
    query: str = ""
    is_local_only: bool = False

    def url(self, suffix: str = "rss") -> str:
        """Its address on this site."""
        return f"{self.path}.{suffix}{self.query}"

    def address(self, suffix: str = "rss") -> str:
        """Its address for a reader."""
        return runtime().settings.public_url + self.url(suffix)

    @property
    def code(self) -> Code:
        return code_of(self.address())


@dataclass(frozen=True)
class Code:
    """A QR code as the path of an SVG of `size` units a side."""

    size: int
    path: str


def feed_of(topics: Iterable[Topic] = (), places: Iterable[Place] = ()) -> Feed:
    """The feed of few topics and places; none are all."""
    of_topics, of_places = list(topics), list(places)
    key = FeedKey.of([one.slug for one in of_topics], [one.slug for one in of_places])
    return _named(key, of_topics, of_places)


def search_feed(text: str, topic: Topic | None, place: Place | None) -> Feed:
    """The feed of a search in the archive."""
    asked = {"q": text, "topic": topic and topic.slug, "place": place and place.slug}
    query = urlencode({name: one for name, one in asked.items() if one})
    names = [f"“{text}”", *([topic.name(language())] if topic else ())]
    return Feed("/feeds/search", ", ".join(names + ([place.name] if place else [])), f"?{query}")


def feeds_of(
    topics: Sequence[Topic] | None, places: Sequence[Place] | None, *, is_local_only: bool
) -> list[Feed]:
    """The feeds of these topics (None: of all) in these districts (None: in the whole city): one,
    as far as one feed joins them."""
    of_topics, of_places = list(topics or ()), list(places or ())
    keys = keys_of(
        [one.slug for one in of_topics], [one.slug for one in of_places], only=is_local_only
    )
    return [_named(key, of_topics, of_places) for key in keys]


def _named(key: FeedKey, topics: Sequence[Topic], places: Sequence[Place]) -> Feed:
    """Names stand in the order of topics and districts, not in that of the key."""
    names = [one.name(language()) for one in topics if one.slug in key.topics]
    where = [one.name for one in places if one.slug in key.places]
    name = ", ".join(names) or gettext("All topics")
    name += f" ({', '.join(where)})" if where else ""
    return Feed(f"/feeds/{key}", name, is_local_only=key.is_local_only)


def code_of(text: str) -> Code:
    """The QR code of an address: one stroke for each run of dark modules of a row, in few bytes."""
    code = segno.make_qr(text, error="m")
    parts = []
    for y, row in enumerate(code.matrix):
        move, gap = f"M{QUIET_ZONE} {y + QUIET_ZONE}.5", 0
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                parts.append(f"{move}{f'm{gap} 0' if gap else ''}h{length}")
                move, gap = "", 0
            else:
                gap = length
    return Code(len(code.matrix) + 2 * QUIET_ZONE, "".join(parts))
