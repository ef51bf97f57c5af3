"""The front page, the archive and article pages, in every look and state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from service.db import utcnow
from service.ledger.publish import stamp_feeds, withdraw
from service.models import (
    Article,
    Notification,
    NotificationKind,
    NotificationState,
    PlaceLabel,
    Story,
    TopicLabel,
)
from service.runtime import Runtime
from tests.browser.checks import WALKS, OpenContext, Walk, inspect
from tests.integration.town import Town

TITLES = [
    ("Karşıyaka tramvayı bu hafta sonu bakım nedeniyle daha seyrek çalışacak", "ulasim"),
    ("Körfezde su kalitesi son on yılın en iyi düzeyinde", "iklim-cevre"),
    ("Gençler için yaz okulu kayıtları pazartesi başlıyor", "egitim"),
    ("Bornova’da yeni spor salonu açıldı", "spor"),
    ("İklim eylem planı kabul edildi: karbon salımı 2030’a kadar yarıya inecek", "iklim-cevre"),
]
SUMMARY = (
    "Çalışmalar cumartesi sabahı başlayacak ve pazar akşamı bitecek. Yolcular bu sürede ek otobüs "
    "seferlerinden ücretsiz yararlanabilecek."
)
BODY = (
    "<p>Tramvay hattında ray yenileme çalışması yapılacak. Seferler "
    "<strong>cumartesi 08.00</strong> ile pazar 23.00 arasında yarım saatte bir yapılacak.</p>"
    '<figure><img src="https://www.example.bel.tr/t.jpg" alt="Tramvay"><figcaption>Hat</figcaption>'
    "</figure><h3>Ek otobüsler</h3><ul><li>Mavişehir – Alaybey, on dakikada bir</li><li>Gece hattı "
    "değişmeyecek</li></ul><blockquote>Yolcularımızdan anlayış bekliyoruz.</blockquote>"
    "<table><thead><tr><th>Durak</th><th>İlk sefer</th><th>Son sefer</th></tr></thead><tbody><tr>"
    "<td>Alaybey</td><td>06.00</td><td>00.30</td></tr><tr><td>Mavişehir</td><td>06.15</td>"
    "<td>00.45</td></tr></tbody></table>"
    '<p>Ayrıntılar <a href="/ulasim/tramvay">ulaşım sayfasında</a>.</p>'
)
TEXT = "Tramvay hattında ray yenileme çalışması yapılacak. Seferler Karşıyaka içinde seyrekleşecek."
LONG_URL = "https://www.example.bel.tr/haber/" + "cok-uzun-bir-adres-" * 8


@dataclass
class City:
    """Articles as the CMS would have sent them."""

    runtime: Runtime
    full: int = 0
    short: int = 0
    gone: int = 0

    def publish(self, title: str, topic: str, hours: float, places: tuple[str, ...] = (), **more):
        is_urgent = more.pop("is_urgent", False)
        article_id = Town(self.runtime).article((topic,), places, title=title, **more)
        with self.runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            article.published_at = utcnow() - timedelta(hours=hours)
            article.is_urgent = is_urgent
            stamp_feeds(session, article_id, utcnow())
        return article_id

    def note(self, article_id: int, kind: NotificationKind, note: str) -> None:
        with self.runtime.db.write() as session:
            session.add(
                Notification(
                    kind=kind,
                    state=NotificationState.DONE,
                    article_id=article_id,
                    payload={"note": note},
                    release_at=utcnow(),
                    released_at=utcnow(),
                )
            )


@pytest.fixture
def city(runtime: Runtime) -> City:
    """Two pages of news, with an article of every kind."""
    city = City(runtime)
    for number in range(22):
        title, topic = TITLES[number % len(TITLES)]
        city.publish(f"{title} ({number})", topic, 30 + 20 * number, ("konak",), summary=SUMMARY)
    city.short = city.publish(
        "Kısa haber", "spor", 3, summary="", body_html="", body_text="Maç ertelendi.", url=LONG_URL
    )
    city.full = _full(city)
    city.gone = city.publish("Yanlış haber", "spor", 2)
    with runtime.db.write() as session:
        withdraw(session, session.get_one(Article, city.gone, with_for_update=True), utcnow())
    city.note(city.gone, NotificationKind.WITHDRAWAL, "Maçın tarihi henüz belli değil.")
    return city


def _full(city: City) -> int:
    with city.runtime.db.write() as session:
        story = Story()
        session.add(story)
    more = {"story_id": story.id, "summary": SUMMARY, "body_text": TEXT}
    places = ("karsiyaka", "konak")
    city.publish("Tramvayda bakım: hangi duraklar açık?", "ulasim", 2, places, **more)
    image = {"url": "https://www.example.bel.tr/t.jpg", "alt": "Tramvay durakta"}
    title = TITLES[0][0]
    full = city.publish(
        *(title, "ulasim", 1, places),
        **{**more, "body_html": BODY, "image": image, "is_urgent": True},
    )
    with city.runtime.db.write() as session:
        revision_id = session.get_one(Article, full).shown_revision_id
        label = session.query(TopicLabel).where(TopicLabel.revision_id == revision_id).one()
        label.evidence = [
            {"field": "body", "start": 0, "end": 7, "text": "Tramvay", "term": "+tramvay"},
            {"field": "body", "start": 50, "end": 58, "text": "Seferler", "term": "sefer"},
        ]
        for place in session.query(PlaceLabel).where(PlaceLabel.revision_id == revision_id):
            place.evidence = [{"field": "title", "start": 0, "end": 9, "text": "Karşıyaka"}]
    city.note(full, NotificationKind.CORRECTION, "Bitiş saati 22.00 değil 23.00.")
    return full


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_nothing_is_wrong_with_an_empty_archive(
    site: str, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems = []
    for state, path in (("front empty", "/"), ("archive empty", "/haberler")):
        page.goto(site + walk.prefix + path)
        problems += inspect(page, walk, state)
    assert problems == []


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_nothing_is_wrong_with_any_state(
    site: str, city: City, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems, seen = [], set()
    for state in _states(page, site + walk.prefix, city):
        seen.add(state)
        problems += inspect(page, walk, state)
    assert problems == []
    assert len(seen) == 8


def _states(page: Page, base: str, city: City) -> Iterator[str]:
    for state, path in (
        ("front", "/"),
        ("archive", "/haberler"),
        ("archive results", "/haberler?q=tramvayı&topic=ulasim&place=konak"),
        ("archive no results", "/haberler?q=zeplin&month=2026-13&topic=ulasim"),
        ("article short", f"/haber/{city.short}"),
        ("article full", f"/haber/{city.full}"),
    ):
        page.goto(base + path)
        yield state
    page.goto(base + "/haberler")
    page.click("a[rel=next]")
    yield "archive second page"
    page.goto(f"{base}/haber/{city.gone}-her-neyse")
    yield "article gone"


@pytest.mark.parametrize(
    ("prefix", "button", "why"),
    [
        ("", "Ara", "Konuların nedeni ve ilgili haberler"),
        ("/en", "Search", "Why these topics, and related news"),
    ],
)
def test_from_the_front_page_to_an_article_without_javascript(
    site: str, city: City, open_context: OpenContext, prefix: str, button: str, why: str
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{prefix}/")
    page.get_by_role("searchbox").fill("KARSIYAKA TRAMVAYI SEYREK")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("searchbox")).to_have_value("KARSIYAKA TRAMVAYI SEYREK")
    page.get_by_role("link", name=why).first.click()
    expect(page).to_have_url(f"{site}{prefix}/haber/{city.full}-{SLUG}")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[0][0])


SLUG = "karsiyaka-tramvayi-bu-hafta-sonu-bakim-nedeniyle-daha-seyrek-calisacak"


def test_an_article_loads_nothing_from_elsewhere_and_breaks_no_policy(
    site: str, city: City, open_context: OpenContext
) -> None:
    page = open_context().new_page()
    asked: list[str] = []
    trouble: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: trouble.append(message.text))
    for path in ("/", "/haberler?q=tramvay", f"/haber/{city.full}"):
        page.goto(site + path)
    assert all(url.startswith((site, "data:")) for url in asked)
    assert trouble == []
