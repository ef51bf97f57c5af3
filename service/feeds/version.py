"""One feed in one format between two of its changes: all of an answer but the bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from werkzeug.http import http_date

from service.feeds.clock import Stamp
from service.feeds.feed import Feed
from service.feeds.formats import RELEASE, WRITERS, Format
from service.feeds.keys import FeedKey

CACHE = "public, max-age=60, stale-while-revalidate=300"
# What a script of another site may read of an answer (Fetch standard).
EXPOSED = "ETag, Link, IM, Delta-Base"
# A browser that opens a feed as a page runs nothing of it.
SECURITY = (
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
)
Headers = list[tuple[str, str]]


@dataclass(eq=False)
class Version:
    """`names`: the hash of all names. `seen`: the latest number of the feed clock that it was
    compared with; not the state itself, which would be kept as long as the version is.

    Its fingerprint says what else the bytes depend on than articles: settings, names, and how this
    release writes them.
    """

    feed: Feed
    wanted: Format
    change: Stamp
    names: str
    seen: int
    key: FeedKey
    fingerprint: str = field(init=False)
    opaque: str = field(init=False)
    etag: str = field(init=False)
    url: str = field(init=False)
    _common: Headers = field(init=False)
    _modified: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        written = f"{RELEASE} {self.names} {self.feed}"
        self.fingerprint = hashlib.sha256(written.encode()).hexdigest()[:8]
        self.opaque = f"{self.change.seq}-{self.fingerprint}"
        self.etag = f'W/"{self.opaque}"'
        self.url = self.feed.url(self.wanted)
        self._common = _headers(self.feed, self.url)

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return 4000 + 150 * len(self.feed.pairs)

    @property
    def is_hot(self) -> bool:
        """Whether its bodies are kept before anybody has asked twice: all, and single topics."""
        return len(self.key.topics) < 2 and not self.key.places

    def modified(self) -> datetime | None:
        """The time of the last change, once it has one (`Stamp.modified`)."""
        if self._modified is None:
            self._modified = self.change.modified()
        return self._modified

    def headers_304(self) -> Headers:
        """RFC 9110, section 15.4.5: what a 200 would have said and a cache may need."""
        return [("ETag", self.etag), ("Vary", "Accept-Encoding"), *self._cached()]

    def headers_200(self) -> Headers:
        """Without those of the body's coding and length."""
        made = [("Content-Type", self._content_type()), *self.headers_304()]
        if moment := self.modified():
            made.append(("Last-Modified", http_date(moment)))
        return made

    def headers_226(self, base: int) -> Headers:
        """Of a delta from the version of that change: no cache that does not know deltas may keep
        it (RFC 3229, section 10.5)."""
        return [
            ("Content-Type", self._content_type()),
            ("ETag", self.etag),
            ("IM", "feed"),
            ("Delta-Base", f'W/"{base}-{self.fingerprint}"'),
            ("Cache-Control", "no-store, im"),
            ("Vary", "A-IM, Accept-Encoding"),
            *self._common,
        ]

    def _cached(self) -> Headers:
        return [("Cache-Control", CACHE), *self._common]

    def _content_type(self) -> str:
        return f"{WRITERS[self.wanted].MEDIA_TYPE}; charset=utf-8"


def _headers(feed: Feed, url: str) -> Headers:
    return [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", EXPOSED),
        ("Link", f'<{feed.publisher.hub_url}>; rel="hub"'),
        ("Link", f'<{url}>; rel="self"'),
        *SECURITY,
    ]
