"""Listings of a site: which articles there are. Pure: no database, no network.

Whatever came, the answer is a `Listing` or a `ListingError`; nothing is believed of a status or a
content type that the document does not bear out.
"""

from __future__ import annotations

from dataclasses import replace

from service.ingest.listing.entry import Entry, Listing, ListingError, unique
from service.ingest.listing.feed import read_feed
from service.ingest.listing.page import read_page_list
from service.ingest.listing.sitemap import read_sitemap
from service.ingest.listing.wordpress import newest_change, read_wordpress, wordpress_address
from service.ingest.pull_rules import PullRules
from service.models import PullKind
from service.outbound import Fetched

__all__ = [
    "Entry",
    "Listing",
    "ListingError",
    "newest_change",
    "read_listing",
    "unique",
    "wordpress_address",
]
_PAGES = ("text/html", "application/xhtml+xml")
_UNTYPED = ("", "text/plain", "application/octet-stream", "binary/octet-stream")
_TYPES = {
    PullKind.FEED: ("xml", "rss"),
    PullKind.SITEMAP: ("xml",),
    PullKind.WORDPRESS: ("json",),
    PullKind.HTML: ("html",),
}


def read_listing(
    kind: PullKind, fetched: Fetched, zone: str, rules: PullRules, *, is_partial: bool = False
) -> Listing:
    """What a fetched document lists.

    Raises:
        ListingError: it is not of this kind.
    """
    _check_type(kind, fetched)
    content, charset, url = fetched.content, fetched.charset, fetched.url
    if kind == PullKind.FEED:
        listing = read_feed(content, charset, url, zone)
    elif kind == PullKind.WORDPRESS:
        listing = read_wordpress(content, url, is_partial=is_partial)
    elif kind == PullKind.SITEMAP:
        listing = read_sitemap(content, charset, url, zone, rules)
    else:
        listing = read_page_list(content, charset, url, rules)
    return replace(listing, entries=unique(list(listing.entries)))


def _check_type(kind: PullKind, fetched: Fetched) -> None:
    """A site answers with its home page and 200 where it has no feed (Ankara's `/rss` does)."""
    sent = fetched.media_type
    fits = sent in _UNTYPED or any(word in sent for word in _TYPES[kind])
    if kind != PullKind.HTML and sent in _PAGES:
        fits = False
    if not fits:
        raise ListingError(f"no {kind.value} came, but {sent[:60]}")
