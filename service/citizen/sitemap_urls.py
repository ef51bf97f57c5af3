"""Which addresses the sitemaps hold: those that are canonical here, or proven to be the city's.

A page of ours that names the city's own page as canonical is in none (ADR 38).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from service.archive.address import city_address, origin_of
from service.archive.sitemaps import Listed, places_changed, topics_changed
from service.citizen.canonical import in_languages
from service.citizen.sitemap_xml import News, Url
from service.models import NoticeKind
from service.settings import Settings
from service.subscriptions import notices
from service.subscriptions.choices import all_places, all_topics

STATIC = ("/accessibility", "/docs", "/embed")  # nobody can say when these last changed


@dataclass(frozen=True)
class Site:
    """What addresses are made of."""

    settings: Settings

    def page(self, bare: str, changed_at: datetime | None = None) -> Iterator[Url]:
        """A page of ours in every language."""
        brand, base = self.settings.brand, self.settings.public_url
        pairs = tuple(in_languages(brand, base, bare))
        others = pairs if len(brand.languages) > 1 else ()
        for _, address in pairs[:-1]:
            yield Url(address, changed_at, others)

    def pages(self, session: Session, changed_at: datetime | None) -> Iterator[Url]:
        """All pages but those of months and articles."""
        yield from self.page("/", changed_at)
        yield from self.page("/haberler", changed_at)
        topics, places = topics_changed(session), places_changed(session)
        for topic in all_topics(session):
            if topic.id in topics:
                yield from self.page(f"/haberler?topic={topic.slug}", topics[topic.id])
        for place in all_places(session):
            if place.id in places:
                yield from self.page(f"/haberler?place={place.slug}", places[place.id])
        shown = self.notices_shown(session)
        for url, changed_at in zip(self.page("/privacy"), shown, strict=True):
            yield replace(url, changed_at=changed_at)
        for bare in STATIC:
            yield from self.page(bare)

    def notices_shown(self, session: Session) -> list[datetime]:
        """Since when each language has the privacy notice that it has now."""
        languages = self.settings.brand.languages
        found = (notices.current(session, NoticeKind.NOTICE, code) for code in languages)
        return [notice.published_at for notice in found]

    def article(self, one: Listed) -> Iterator[Url]:
        """An article's canonical page in every language that it has; nothing where that page is on
        a site that is not known to trust us."""
        city = city_address(one.url)
        if not city:
            yield from self.page(_path(one), one.changed_at)
        elif self._is_trusted(city):
            yield Url(city, one.edited_at)

    def news(self, one: Listed) -> Url | None:
        """An article once, in its own language if its page has that."""
        urls = list(self.article(one))
        if not urls:
            return None
        languages = self.settings.brand.languages
        spoken = one.language.partition("-")[0]
        at = languages.index(spoken) if len(urls) > 1 and spoken in languages else 0
        name, _ = self.settings.city(spoken)
        said = News(name, spoken, one.title, one.published_at)
        return Url(urls[at].address, urls[at].changed_at, (), said)

    def _is_trusted(self, url: str) -> bool:
        origin = origin_of(url)
        hosts = {host.lower() for host in self.settings.sitemap_hosts}
        return origin == origin_of(self.settings.public_url) or urlsplit(origin).netloc in hosts


def _path(one: Listed) -> str:
    return f"/haber/{one.article_id}-{one.slug}"
