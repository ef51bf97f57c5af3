"""A source that is pulled from a site on this machine, and what tests ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.ingest.pulling import setting
from service.models import (
    Article,
    ArticleState,
    Notification,
    NotificationState,
    Pull,
    PullItem,
    PullKind,
    Revision,
    Source,
)
from service.runtime import Runtime
from tests.sites import CmsSite, Page
from workers.pull import poll_source

RSS = "application/rss+xml"
TEXT = "<p>Sera gazı ve karbon salımı azalacak; iklim eylem planı meclisten geçti.</p>"


def rss(*items: str) -> str:
    return f"<rss version='2.0'><channel><title>x</title>{''.join(items)}</channel></rss>"


def item(number: int, title: str = "", body: str = TEXT, date: str = "", more: str = "") -> str:
    """One article of a feed, whole unless its body is empty."""
    date = date or utcnow().isoformat()
    content = f"<content:encoded><![CDATA[{body}]]></content:encoded>" if body else ""
    return (
        "<item xmlns:content='http://purl.org/rss/1.0/modules/content/'>"
        f"<title>{title or f'Haber {number}'}</title><link>/haber/{number}</link>"
        f"<guid isPermaLink='false'>guid-{number}</guid><pubDate>{date}</pubDate>"
        f"<description>Özet {number}</description>{content}{more}</item>"
    )


def page(title: str, text: str = TEXT * 4, date: str = "") -> str:
    return f"<html><h1>{title}</h1><time datetime='{date or utcnow().isoformat()}'></time>{text}"


@dataclass
class Pulled:
    """A source, its site, and the clock that decides when it is due."""

    runtime: Runtime
    site: CmsSite
    clock: Any
    slug: str = "kent"
    source_id: int = 0

    def configure(
        self, kind: PullKind, path: str, rules: dict[str, Any] | None = None, **values: Any
    ) -> None:
        """Pull from here; the source is made at first."""
        with self.runtime.db.write() as session:
            source = session.scalar(select(Source).where(Source.slug == self.slug))
            if source is None:
                source = Source(slug=self.slug, sealed_secret="", **values)
                session.add(source)
                session.flush()
            self.source_id = source.id
            setting.configure(
                session, source.id, kind, self.site.url(path), rules or {}, self.clock()
            )

    def feed(self, *numbers: int, **values: Any) -> None:
        """Serve these articles as RSS, each with its page."""
        self.site.put("/rss", rss(*map(item, numbers)), RSS, **values)
        for number in numbers:
            self.site.put(f"/haber/{number}", page(f"Haber {number}"))

    def html_list(self, *numbers: int) -> None:
        """Serve a page that links to these articles, and each that is not served yet."""
        links = "".join(f"<a href='/haber/{number}'>{number}</a>" for number in numbers)
        self.site.put("/haberler", f"<main>{links}</main>")
        for number in numbers:
            self.site.pages.setdefault(f"/haber/{number}", Page(page(f"Haber {number}").encode()))

    def poll(self, **wait: float) -> Pull:
        """Poll once, when the next is due for sure, or after this time."""
        self.clock.advance(**(wait or {"minutes": 13}))
        poll_source(self.runtime, self.source_id)
        return self.pull

    @property
    def pull(self) -> Pull:
        with self.runtime.db.read() as session:
            return session.get_one(Pull, self.source_id)

    @property
    def articles(self) -> Sequence[Article]:
        with self.runtime.db.read() as session:
            return session.scalars(select(Article).order_by(Article.id)).all()

    @property
    def public(self) -> set[str]:
        """Titles of what is published."""
        with self.runtime.db.read() as session:
            query = select(Revision.title).join(Article, Article.revision_id == Revision.id)
            return set(session.scalars(query.where(Article.state == ArticleState.PUBLISHED)))

    @property
    def told(self) -> int:
        """How many articles somebody will be told of, or was."""
        with self.runtime.db.read() as session:
            query = select(Notification).where(Notification.state != NotificationState.CANCELLED)
            query = query.where(Notification.article_id.is_not(None))  # not the summary of a day
            return len(session.scalars(query).all())

    @property
    def items(self) -> Sequence[PullItem]:
        with self.runtime.db.read() as session:
            return session.scalars(select(PullItem).order_by(PullItem.key)).all()
