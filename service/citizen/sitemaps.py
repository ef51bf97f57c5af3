"""`/sitemap.xml` and its parts, `/sitemap-news.xml`, `/robots.txt`: what crawlers ask for.

All lie at the root: a sitemap may list only what lies below it. The number of the feed clock is
their ETag, so an unchanged one costs one small query (ADR 38).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from service.archive import sitemaps
from service.archive.listings import Month
from service.archive.sitemaps import Change
from service.citizen import sitemap_xml
from service.citizen.robots import robots_txt
from service.citizen.sitemap_urls import Site
from service.citizen.sitemap_xml import Url
from service.db import utcnow
from service.feeds.clock import Stamp
from service.limits import Limits
from service.pages import runtime
from service.settings import Settings

CACHE = "public, max-age=600"
NEWS_CACHE = "public, max-age=60"
PER_CLIENT = "120 per minute"  # of those that are written for each request
ARTICLES = 2000  # of one part, at most
_PART = re.compile(r"(\d{4}-\d\d)(?:-([2-9]|[1-9]\d{1,3}))?")


Write = Callable[[Session, Site, Change], bytes]


def blueprint(limits: Limits) -> Blueprint:
    """The addresses, which no language has a prefix for."""
    part = Blueprint("sitemaps", __name__)
    part.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every part
    index, pages = Kept(), Kept()
    of_month = limits.guard(_month, PER_CLIENT, "sitemap-month")
    of_news = limits.guard(_news, PER_CLIENT, "sitemap-news")
    part.add_url_rule("/sitemap.xml", "index", lambda: _answer(_index, index))
    part.add_url_rule("/sitemap-pages.xml", "of_pages", lambda: _answer(_pages, pages))
    part.add_url_rule("/sitemap-<name>.xml", "of_month", of_month)
    part.add_url_rule("/sitemap-news.xml", "of_news", of_news)

    @part.get("/robots.txt")
    def robots() -> Response:
        response = Response(robots_txt(runtime().settings), mimetype="text/plain")
        response.headers["Cache-Control"] = CACHE
        response.add_etag()
        response.make_conditional(request)
        return response

    return part


class Kept:
    """The last file under its tag, for as long as nothing changes; thread-safe, for it replaces
    whole."""

    def __init__(self) -> None:
        self._kept: tuple[str, bytes] = "", b""

    def get(self, tag: str, write: Callable[[], bytes]) -> bytes:
        kept = self._kept
        if kept[0] != tag:
            kept = self._kept = tag, write()
        return kept[1]


def _index(session: Session, site: Site, change: Change) -> bytes:
    base, size = site.settings.public_url, _size(site.settings)
    urls = [Url(f"{base}/sitemap-pages.xml", change.at)]
    for found in sitemaps.months(session, _zone(site.settings)):
        for number in range(1, -(-found.articles // size) + 1):
            name = f"{found.month}-{number}" if number > 1 else str(found.month)
            urls.append(Url(f"{base}/sitemap-{name}.xml", found.changed_at))
    return sitemap_xml.index(urls)


def _pages(session: Session, site: Site, change: Change) -> bytes:
    return sitemap_xml.urlset(site.pages(session, change.at))


def _month(name: str) -> ResponseReturnValue:
    """A part of a month; its first one names the month's own page as well."""
    found = _PART.fullmatch(name)
    month = Month.read(found[1]) if found else None
    if found is None or month is None:
        abort(404)
    number = int(found[2] or 1)

    def write(session: Session, site: Site, change: Change) -> bytes:
        zone, size = _zone(site.settings), _size(site.settings)
        articles = sitemaps.of_month(session, zone, month, (number - 1) * size, size)
        if not articles:
            abort(404)
        urls = [url for one in articles for url in site.article(one)]
        if number == 1 or not urls:  # a part must not be empty
            changed_at = sitemaps.month_changed(session, zone, month)
            urls[:0] = site.page(f"/haberler?month={month}", changed_at)
        return sitemap_xml.urlset(urls)

    return _answer(write)


def _news() -> ResponseReturnValue:
    """What is new; where nothing is, the page that will list it, as a file must not be empty."""
    held = runtime()
    site = Site(held.settings)
    with held.db.read() as session:
        found = (site.news(one) for one in sitemaps.news(session, utcnow()))
        urls = [url for url in found if url][: sitemap_xml.MOST_NEWS]
    data = sitemap_xml.urlset(urls or site.page("/haberler"))
    response = _xml(NEWS_CACHE)
    response.set_data(data)
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response


def _answer(write: Write, kept: Kept | None = None) -> Response:
    """The file, unless the client has it: its tag is the number of the last change and a digest of
    what else it depends on."""
    settings = runtime().settings
    with runtime().db.read() as session:
        change = sitemaps.last_change(session)
        response = _xml(CACHE)
        site = Site(settings)
        tag = f"{change.seq}-{_fingerprint(session, site)}"
        response.set_etag(tag, weak=True)
        response.last_modified = Stamp(change.seq, change.at).modified() if change.at else None
        if response.make_conditional(request).status_code != 304:
            make = partial(write, session, site, change)
            response.set_data(kept.get(tag, make) if kept else make())
    return response


def _xml(cache: str) -> Response:
    response = Response(mimetype="application/xml")
    response.headers["Cache-Control"] = cache
    return response


def _fingerprint(session: Session, site: Site) -> str:
    held = site.settings
    depends = (held.public_url, held.brand.languages, held.sitemap_hosts, held.timezone)
    said = f"1 {depends} {site.notices_shown(session)}"
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def _zone(settings: Settings) -> ZoneInfo:
    return ZoneInfo(settings.timezone)


def _size(settings: Settings) -> int:
    """Articles of one part."""
    languages = len(settings.brand.languages)
    return sitemap_xml.articles_per_part(languages, settings.public_url, ARTICLES)
