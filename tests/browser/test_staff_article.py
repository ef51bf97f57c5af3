"""Staff at work on articles: the list, one article, each act on it, and the questions about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import update

from service.db import utcnow
from service.ledger import halts
from service.models import (
    Article,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Frequency,
    HaltScope,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    StoryLink,
)
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect
from tests.integration.town import Town

OpenContext = Callable[..., BrowserContext]
ADMINISTRATOR = "yonetici@tellal.example"
ADDRESS = "cok.uzun.bir.adres.ornegi@alt-alan-adi.ornek-belediye.example.com"
ACTS = ("pause", "withdraw", "resend")  # of each shape of form one
BODY = "Körfez temizliği sürüyor. Gemiler Konak açıklarında çalışıyor. " * 6


@pytest.fixture
def articles(app: APIFlask, runtime: Runtime) -> dict[str, int]:
    """One that was told, corrected and paused; one that is held and urgent; one withdrawn."""
    town = Town(runtime)
    staff.add(app, runtime, ADMINISTRATOR)
    town.reader(address=ADDRESS, place="konak")
    readers = [*town.readers(3), town.reader(is_suppressed=True)]
    town.reader(frequency=Frequency.DAILY)
    told = town.article(places=("konak",), body_text=BODY)
    _tell(town, runtime, told, readers)
    held = town.article(title="Fırtına uyarısı: kıyıdan uzak durun")
    news = town.notification(held, state=NotificationState.HELD)
    with runtime.db.write() as session:
        session.get_one(Article, held).is_urgent = True
        later = {"released_at": None, "release_at": utcnow() + timedelta(hours=1)}
        urgent = update(Notification).where(Notification.id == news)
        session.execute(urgent.values(is_urgent=True, **later))
    withdrawn = town.article(("spor",))
    with runtime.db.write() as session:
        row = session.get_one(Article, withdrawn)
        row.withheld_state, row.state = row.state, "withdrawn"
    return {"told": told, "held": held, "withdrawn": withdrawn}


def _tell(town: Town, runtime: Runtime, article: int, readers: list[int]) -> None:
    """Sent to some, refused by one, unknown of another; with a second text and a story."""
    news = town.planned(article)
    with runtime.db.write() as session:
        fates = (DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.UNKNOWN)
        for reader, state in zip(readers, fates, strict=False):
            own = update(Delivery).where(Delivery.destination_id == reader)
            session.execute(own.values(state=state, settled_at=utcnow()))
        answer = {"state": DeliveryState.REJECTED, "code": "5.1.1", "detail": "no such mailbox"}
        session.add(DeliveryAnswer(notification_id=news, destination_id=readers[1], **answer))
        first = session.get_one(Revision, session.get_one(Article, article).revision_id)
        second = Revision(
            article_id=article,
            content_hash="second",
            state=RevisionState.CLASSIFIED,
            url=first.url,
            title=first.title + " hızla",
            summary=first.summary,
            body_html="",
            body_text=BODY.replace("Konak", "Bornova", 1),
        )
        session.add(second)
        session.flush()
        session.get_one(Article, article).revision_id = second.id
        halts.pause(session, HaltScope.ARTICLE, article, "Metne bakıyoruz", None, utcnow())
    other = town.article(story_id=town.get(Article, article).story_id)
    link = {"measure": "jaccard", "value": 0.91, "shared": 40}
    with runtime.db.write() as session:
        session.add(StoryLink(article_id=other, earlier_id=article, evidence=link))


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_of_articles(
    site: str, articles: dict[str, int], open_context: OpenContext, walk: Walk, runtime: Runtime
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, articles, runtime):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 18


def _states(page: Page, base: str, articles: dict[str, int], runtime: Runtime) -> Iterator[str]:
    staff.sign_in(page, base, runtime, ADMINISTRATOR)
    told, held = (f"{base}/staff/articles/{articles[name]}" for name in ("told", "held"))
    news, text = _numbers(runtime, articles["told"])
    paths = {
        "staff article list": f"{base}/staff/articles",
        "staff article list filtered": f"{base}/staff/articles?stage=held&urgent=1",
        "staff article list without a find": f"{base}/staff/articles?stage=received",
        "staff article told": told,
        "staff article held": held,
        "staff article withdrawn": f"{base}/staff/articles/{articles['withdrawn']}",
        "staff article changes": f"{told}/changes/{text}",
        "staff article readers": f"{told}/readers/{news}",
        "staff article readers of no outcome": f"{told}/readers/{news}?outcome=cancelled",
        "staff article whom": f"{held}/whom",
        "staff article whom nobody": f"{base}/staff/articles/{articles['withdrawn']}/whom",
        **{f"staff article {name}": f"{told}/{name}" for name in ACTS},
        "staff article release": f"{held}/release",
    }
    for name, path in paths.items():
        page.goto(path)
        yield name
    page.goto(f"{held}/hold")
    _press(page, "main form button[type=submit]")
    yield "staff article hold with problems"
    page.goto(f"{told}/who")
    _press(page, "main form button[type=submit]")
    yield "staff article who with a problem"
    page.fill("#email", ADDRESS)
    _press(page, "main form button[type=submit]")
    yield "staff article who"


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_holding_looking_and_releasing_without_javascript(
    site: str, articles: dict[str, int], open_context: OpenContext, prefix: str, runtime: Runtime
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    base, number = site + prefix, articles["held"]
    staff.sign_in(page, base, runtime, ADMINISTRATOR)
    page.goto(f"{base}/staff/articles?stage=held")
    page.click(f"a[href$='/articles/{number}']")
    page.click("a[href$='/hold']")
    page.check("#minutes-240")
    page.fill("#reason", "Metne bakıyoruz")
    page.click("main form button[type=submit]")
    expect(page.locator(".notice-good")).to_be_visible()
    page.click("a[href$='/release']")
    page.fill("#reason", "Metin doğru")
    page.click("main form button[type=submit]")
    expect(page.locator(".problem-summary")).to_be_visible()
    page.fill("#confirm", str(number))
    page.click("main form button[type=submit]")
    expect(page.locator(".notice-good")).to_be_visible()
    with runtime.db.read() as session:
        news = session.query(Notification).filter_by(article_id=number).one()
    assert news.state == NotificationState.RELEASED


def _numbers(runtime: Runtime, article: int) -> tuple[Any, Any]:
    with runtime.db.read() as session:
        news = session.query(Notification.id).filter_by(article_id=article).scalar()
        return news, session.get_one(Article, article).revision_id


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)
