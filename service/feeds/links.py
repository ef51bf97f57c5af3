"""Where a feed leads: to itself, to its other formats, its hub, its archives and its page."""

from __future__ import annotations

from service.feeds.feed import Feed

MEDIA_TYPES = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
SEARCH_TYPE = "application/opensearchdescription+xml"

Link = dict[str, str]  # the attributes of an `atom:link`


def links(feed: Feed, suffix: str) -> list[Link]:
    """Those of one format. One of each relation, type and language (RFC 4287, section 4.1.1), and
    its page last: newsboat opens the last `alternate`."""
    found = [_link("self", feed.url(suffix), MEDIA_TYPES[suffix])]
    for other, media_type in MEDIA_TYPES.items():
        if other != suffix:
            found.append(_link("alternate", feed.url(other), media_type))
    if not feed.is_private and feed.current is None:  # an archive does not change
        found.append(_link("hub", feed.publisher.hub_url))
    neighbours = {  # RFC 5005, section 4
        "current": feed.current,
        "prev-archive": feed.prev_archive,
        "next-archive": feed.next_archive,
    }
    for rel, address in neighbours.items():
        if address:
            found.append(_link(rel, f"{address}.{suffix}", MEDIA_TYPES[suffix]))
    if feed.publisher.search_url:
        found.append(_link("search", feed.publisher.search_url, SEARCH_TYPE))
    page = _link("alternate", feed.page_url, "text/html")
    return [*found, {**page, "hreflang": feed.publisher.language}]


def _link(rel: str, href: str, media_type: str = "") -> Link:
    link = {"rel": rel, "type": media_type, "href": href}
    return link if media_type else {"rel": rel, "href": href}
