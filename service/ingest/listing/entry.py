"""What a listing says of one article, and the listing as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

MAX_URL = 2000
MAX_KEY = 500
_TRACKING = ("utm_", "fbclid", "gclid")


class ListingError(ValueError):
    """What came is not the listing that was expected; the text says in what way."""


@dataclass(frozen=True)
class Entry:
    """One article of a listing.

    `key` tells it from all others. `version` changes when it does; empty: the listing does not say.
    `preset` maps `event`. Unless `is_whole`, its page is read, and the event fills the gaps.
    """

    key: str
    url: str
    version: str = ""
    preset: str = "entry"
    event: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = False

    @property
    def names(self) -> set[str]:
        """By which an article may be known already."""
        return {self.url, str(self.event.get("guid") or self.url)}

    def is_on(self, hosts: Collection[str]) -> bool:
        """Whether its page is on one of these."""
        return urlsplit(self.url).hostname in hosts


@dataclass(frozen=True)
class Listing:
    """`is_partial`: only what changed, so that nothing can be told from what is not there.
    `children`: of an index of sitemaps, which lists no article itself."""

    entries: tuple[Entry, ...] = ()
    is_partial: bool = False
    children: tuple[str, ...] = ()


def unique(entries: list[Entry]) -> tuple[Entry, ...]:
    """The first of each key, in order."""
    return tuple({entry.key: entry for entry in reversed(entries)}.values())[::-1]


def key_of(name: str) -> str:
    """A name as a key of the database, a long one hashed."""
    return name if len(name) <= MAX_KEY else "sha256:" + _digest(name)


def version_of(value: Any) -> str:
    """A short text that is the same for the same value."""
    return _digest(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))


def address(base: str, link: Any) -> str:
    """An absolute http address without fragment and trackers; empty for what is none."""
    if not isinstance(link, str) or not link.strip() or len(link) > MAX_URL:
        return ""
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return ""
    if any(character.isspace() or not character.isprintable() for character in parts.geturl()):
        return ""
    host = f"[{host}]" if ":" in host else host
    query = parts.query
    if any(name in query for name in _TRACKING):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(k, v) for k, v in pairs if not k.lower().startswith(_TRACKING)])
    netloc = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path or "/", query, ""))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
