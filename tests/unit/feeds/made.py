"""Feeds made of what a test says, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.feeds.clock import Stamp
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Feed, Publisher
from service.feeds.formats import WRITERS, Format

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BASE = "https://haber.example.bel.tr"
PUBLISHER = Publisher(
    city="Örnek Belediyesi",
    language="tr",
    base_url=BASE,
    tag_authority="example.bel.tr",
    hub_url=f"{BASE}/hub",
    icon_url=f"{BASE}/icon.svg",
    search_url=f"{BASE}/opensearch.xml",
)
FEED = Feed(
    publisher=PUBLISHER,
    address=f"{BASE}/feeds/iklim-cevre",
    title="Örnek Belediyesi: İklim ve Çevre",
    description="İklim, çevre & doğa haberleri",
    page_url=f"{BASE}/haberler?topic=iklim-cevre",
    pairs=((1, 0),),
    about=(("iklim-cevre", "İklim ve Çevre"),),
)
ENTRY = Entry(
    article_id=1,
    seq=1,
    created_at=AT,
    url="https://www.example.bel.tr/haber/1",
    slug="koprude-calisma",
    title="Köprüde çalışma",
    summary="Kısa özet & ayrıntı",
    body_html='<p>Tam metin &amp; <a href="/a?x=1&amp;y=2">bağlantı</a></p>',
    language="tr",
    published_at=AT,
    changed_at=AT + timedelta(minutes=5),
    image=None,
    topics=(("iklim-cevre", "İklim ve Çevre"),),
    places=(("bornova", "Bornova"),),
)


def entry(number: int = 1, **fields) -> Entry:
    """An article; each is an hour older than the one before it."""
    at = AT - timedelta(hours=number)
    return replace(ENTRY, **{"article_id": number, "published_at": at, "changed_at": at, **fields})


def gone(number: int = 1, language: str = "tr") -> Withdrawn:
    return Withdrawn(number, number, AT, AT - timedelta(hours=number), language, AT)


def joined(
    wanted: Format,
    articles: Sequence[Entry | Withdrawn] = (),
    feed: Feed = FEED,
) -> bytes:
    """A whole feed, as it is served."""
    writer = WRITERS[wanted]
    head, tail = writer.envelope(feed, Stamp(7, AT + timedelta(minutes=10)))
    written = [
        writer.fragment(feed.publisher, one)
        if isinstance(one, Entry)
        else writer.gone(feed.publisher, one)
        for one in articles
    ]
    return head + writer.SEPARATOR.join(written) + tail
