"""An HTML page that links to its articles: the last resort, and what many cities have."""

from __future__ import annotations

from service.ingest.decoding import decode
from service.ingest.listing.entry import Entry, Listing, ListingError, address, key_of
from service.ingest.markup import MarkupError, parse_html
from service.ingest.pull_rules import PullRules


def read_page_list(content: bytes, charset: str | None, url: str, rules: PullRules) -> Listing:
    """The links that the rules choose, in the order of the page, each once.

    Raises:
        ListingError: it is no page.
    """
    try:
        root = parse_html(decode(content, charset))
    except MarkupError as error:
        raise ListingError(f"no page came: {error}") from error
    base = next((address(url, e.get("href")) for e in root.iter("base")), "") or url
    hrefs = (link.get("href") or "" for link in rules.select("links", root))
    links = (address(base, href) for href in hrefs if not href.startswith("#"))
    found = dict.fromkeys(link for link in links if link and link != url and rules.fits(link))
    return Listing(tuple(Entry(key_of(link), link, event={"url": link}) for link in found))
