"""Sitemaps as bytes (sitemaps.org, protocol 0.9; Google's extensions for languages and news)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from service.archive.xml_text import ascii_url, clean

MOST_URLS = 50_000  # of one file (protocol 0.9)
MOST_BYTES = 10 * 1024 * 1024  # of one of our files, in memory; the protocol allows 50 MB
MOST_NEWS = 1000  # of a news sitemap
MAX_ADDRESS = 2047  # characters, escaped for addresses but not for XML
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_XHTML = 'xmlns:xhtml="http://www.w3.org/1999/xhtml"'
_NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


@dataclass(frozen=True)
class News:
    """What a news sitemap says of an article; `name` is the city's, as its readers see it."""

    name: str
    language: str
    title: str
    published_at: datetime


@dataclass(frozen=True)
class Url:
    """One address, the same page in all languages, and what is news about it."""

    address: str
    changed_at: datetime | None = None
    alternates: tuple[tuple[str, str], ...] = ()
    news: News | None = None


def index(parts: Iterable[Url]) -> bytes:
    """A sitemap of sitemaps."""
    inner = "".join(
        f"<sitemap>{_place(part.address)}{_lastmod(part.changed_at)}</sitemap>\n" for part in parts
    )
    return f"{_HEAD}<sitemapindex {_NAMESPACE}>\n{inner}</sitemapindex>\n".encode()


def urlset(urls: Iterable[Url]) -> bytes:
    """The addresses of one part, less those that are too long to be in any."""
    inner = "".join(_url(url) for url in urls if 0 < len(ascii_url(url.address)) <= MAX_ADDRESS)
    return f"{_HEAD}<urlset {_NAMESPACE} {_XHTML} {_NEWS}>\n{inner}</urlset>\n".encode()


def articles_per_part(languages: int, public_url: str, wanted: int) -> int:
    """How many articles a part may hold, each in every language, which names all the others."""
    entry = (languages + 2) * (len(escape(public_url)) + 200)
    by_size = MOST_BYTES // (entry * languages)
    return max(1, min(wanted, by_size, MOST_URLS // languages - languages))


def _url(url: Url) -> str:
    others = "".join(
        f'<xhtml:link rel="alternate" hreflang={quoteattr(code)} href={quoteattr(address)}/>'
        for code, address in url.alternates
    )
    said = _place(url.address) + _lastmod(url.changed_at) + _news(url.news) + others
    return f"<url>{said}</url>\n"


def _place(address: str) -> str:
    return f"<loc>{escape(ascii_url(address))}</loc>"


def _lastmod(at: datetime | None) -> str:
    return f"<lastmod>{_moment(at)}</lastmod>" if at else ""


def _news(news: News | None) -> str:
    if news is None:
        return ""
    return (
        f"<news:news><news:publication><news:name>{escape(clean(news.name))}</news:name>"
        f"<news:language>{escape(clean(news.language))}</news:language></news:publication>"
        f"<news:publication_date>{_moment(news.published_at)}</news:publication_date>"
        f"<news:title>{escape(clean(news.title))}</news:title></news:news>"
    )


def _moment(at: datetime) -> str:
    """In W3C's form, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
