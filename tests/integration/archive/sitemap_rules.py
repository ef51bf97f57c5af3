"""The rules of sitemaps, as code: sitemaps.org's protocol 0.9 and Google's two extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from lxml import etree

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
LANGUAGE = re.compile(r"x-default|[a-z]{2,3}(-[A-Z]{2})?")
MOST_BYTES = 50 * 1024 * 1024
MOST_URLS = 50_000
MOST_NEWS = 1000


@dataclass
class Entry:
    """One address of a file."""

    loc: str
    lastmod: datetime | None = None
    alternates: dict[str, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)


def read(data: bytes, own: str, *, is_index: bool = False, others: set[str] = frozenset()) -> list:
    """The entries of a file that keeps all rules: `own` is where it lies, `others` hosts that
    trust it."""
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert len(data) <= MOST_BYTES
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    kind, child = ("sitemapindex", "sitemap") if is_index else ("urlset", "url")
    assert root.tag == SITEMAP + kind
    assert 1 <= len(root) <= MOST_URLS
    assert {one.tag for one in root} == {SITEMAP + child}
    entries = [_entry(one, own, others) for one in root]
    places = [one.loc for one in entries]
    assert len(set(places)) == len(places), "an address twice"
    known = {one.loc: one.alternates for one in entries}
    for one in entries:  # all of a page's languages name each other
        for address in one.alternates.values():
            assert known[address] == one.alternates
    return entries


def read_news(data: bytes, own: str, now: datetime, others: set[str] = frozenset()) -> list:
    """The entries of a news sitemap that are news."""
    entries = [one for one in read(data, own, others=others) if one.news]
    assert len(entries) <= MOST_NEWS
    for one in entries:
        assert set(one.news) == {"name", "language", "publication_date", "title"}
        assert all(one.news.values())
        assert re.fullmatch(r"[a-z]{2,3}", one.news["language"])
        assert MOMENT.fullmatch(one.news["publication_date"])
        at = datetime.fromisoformat(one.news["publication_date"])
        assert now - timedelta(hours=48, seconds=1) < at <= now
    return entries


def _entry(element: etree._Element, own: str, others: set[str]) -> Entry:
    order = [SITEMAP + "loc", SITEMAP + "lastmod", NEWS + "news", XHTML + "link"]
    tags = [one.tag for one in element]
    assert tags == sorted(tags, key=order.index), "the order of the schema"
    assert tags[0] == order[0]
    assert all(tags.count(tag) <= 1 for tag in order[:3])
    entry = Entry(element[0].text or "")
    _check_address(entry.loc, own, others)
    for one in element[1:]:
        if one.tag == SITEMAP + "lastmod":
            assert MOMENT.fullmatch(one.text or "")
            entry.lastmod = datetime.fromisoformat(one.text)
        elif one.tag == XHTML + "link":
            assert one.get("rel") == "alternate"
            assert LANGUAGE.fullmatch(one.get("hreflang"))
            assert one.get("hreflang") not in entry.alternates
            entry.alternates[one.get("hreflang")] = one.get("href")
        else:
            entry.news = {part.tag.removeprefix(NEWS): part.text or "" for part in one.iter()}
            del entry.news["news"], entry.news["publication"]
    if entry.alternates:
        assert entry.loc in entry.alternates.values()
        assert "x-default" in entry.alternates
    return entry


def _check_address(address: str, own: str, others: set[str]) -> None:
    assert len(address) < 2048
    assert re.fullmatch(r"[!-~]+", address), "RFC 3986: ASCII without spaces"
    place, here = urlsplit(address), urlsplit(own)
    is_below = address.startswith(own.rpartition("/")[0] + "/") and place.netloc == here.netloc
    assert is_below or place.netloc in others
