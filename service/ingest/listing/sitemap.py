"""Sitemaps: addresses with or without dates; news sitemaps, which say more; and their indexes."""

from __future__ import annotations

from typing import Any

from service.ingest.dates import iso
from service.ingest.listing.entry import Entry, Listing, ListingError, address, key_of, version_of
from service.ingest.markup import Element, MarkupError, local_name, parse_xml
from service.ingest.pull_rules import PullRules

MAX_CHILDREN = 5  # sitemaps of an index that are read in one poll


def read_sitemap(
    content: bytes, charset: str | None, url: str, zone: str, rules: PullRules
) -> Listing:
    """The addresses that may be articles, the newest first where dates are given.

    Raises:
        ListingError: it is no sitemap.
    """
    try:
        root = parse_xml(content, charset)
    except MarkupError as error:
        raise ListingError(f"no sitemap came: {error}") from error
    kind = local_name(root)
    if kind not in ("urlset", "sitemapindex"):
        raise ListingError(f"no sitemap came, but a document that begins with <{root.tag[:40]}>")
    found = [_told(element, url, zone) for element in root if local_name(element)]
    found.sort(key=lambda told: told.get("updated_at") or "", reverse=True)
    found = [told for told in found if told.get("url")]
    if kind == "sitemapindex":
        return Listing(children=tuple(told["url"] for told in found[:MAX_CHILDREN]))
    return Listing(tuple(_entry(told) for told in found if rules.fits(told["url"])))


def _told(element: Element, base: str, zone: str) -> dict[str, Any]:
    """What stands in the element itself and in its `news:news`; pictures have addresses too."""
    texts: dict[str, str] = {}
    news = [child for child in element if local_name(child) == "news"]
    for child in (*element, *(field for part in news for field in part)):
        texts.setdefault(local_name(child), "".join(child.itertext()).strip())
    told = {
        "url": address(base, texts.get("loc")),
        "title": texts.get("title"),
        "published_at": iso(texts.get("publication_date"), zone),
        "updated_at": iso(texts.get("lastmod"), zone),
        "tags": [tag.strip() for tag in texts.get("keywords", "").split(",") if tag.strip()],
    }
    return {name: value for name, value in told.items() if value}


def _entry(told: dict[str, Any]) -> Entry:
    version = version_of(told) if len(told) > 1 else ""
    return Entry(key_of(told["url"]), told["url"], version, event=told)
