"""My page in a browser: every page in every state and look, and the whole way by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import func, select, update

from service.db import utcnow
from service.models import (
    Destination,
    DestinationKind,
    Frequency,
    Notification,
    Place,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
    Topic,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from tests.browser.checks import WALKS, Walk, inspect

OpenContext = Callable[..., BrowserContext]
ADDRESS = "cok.uzun.bir.adres.ornegi@alt-alan-adi.ornek-belediye.example.com"
NEW = "ayse@example.com"
PLACES = ("konak", "bornova", "karsiyaka", "bayrakli", "narlidere")

WORDS: dict[str, dict[str, str]] = {
    "": {
        "ask": "Giriş bağlantısını gönder",
        "check": "E-postanıza bakın",
        "enter": "Giriş yap",
        "mine": "Aboneliklerim",
        "change": "Değiştir",
        "sport": "Spor",
        "daily": "Günde bir özet",
        "save": "Kaydet",
        "saved": "Değişikliğiniz kaydedildi",
        "pause": "Ara ver",
        "week": "1 hafta",
        "begin": "Arayı başlat",
        "paused": "Ara verdiniz",
        "resume": "Arayı şimdi bitir",
        "end all": "Bütün abonelikleri bitir",
        "yes": "Evet, hepsini bitir",
        "nothing": "Size hiçbir şey göndermiyoruz",
        "undo": "Geri alın",
        "out": "Çıkış yap",
        "left": "Çıkış yaptınız",
        "new": "Yeni e-posta adresiniz",
        "send": "Bağlantıyı gönder",
        "here": "Evet, haberlerim buraya gelsin",
        "moved": "Haberleriniz artık bu adrese geliyor",
    },
    "/en": {
        "ask": "Send me the sign-in link",
        "check": "Check your email",
        "enter": "Sign in",
        "mine": "My subscriptions",
        "change": "Change",
        "sport": "Sports",
        "daily": "One summary a day",
        "save": "Save",
        "saved": "Your change is saved",
        "pause": "Pause",
        "week": "1 week",
        "begin": "Begin the break",
        "paused": "You are taking a break",
        "resume": "End the break now",
        "end all": "End all subscriptions",
        "yes": "End all of them",
        "nothing": "We send you nothing",
        "undo": "Undo",
        "out": "Sign out",
        "left": "You have signed out",
        "new": "Your new email address",
        "send": "Send me the link",
        "here": "Yes, send my news here",
        "moved": "Your news comes to this address now",
    },
}


@pytest.fixture
def reader(runtime: Runtime) -> int:
    """Somebody with a long address and three kinds of subscriptions."""
    with runtime.db.write() as session:
        person = Subscriber()
        session.add(person)
        session.flush()
        destination = Destination(
            kind=DestinationKind.EMAIL,
            subscriber_id=person.id,
            address=ADDRESS,
            address_hash=address_hash(runtime.vault, "email", ADDRESS),
            lane="other",
            verified_at=utcnow(),
        )
        session.add(destination)
        topics = dict(session.execute(select(Topic.slug, Topic.id)).all())
        places = dict(session.execute(select(Place.slug, Place.id)).all())
        session.flush()
        wanted = [(topics["ulasim"], places[slug], Frequency.DAILY) for slug in PLACES]
        wanted += [(topics["spor"], None, Frequency.INSTANT), (None, None, Frequency.WEEKLY)]
        session.add_all(
            Subscription(
                destination_id=destination.id,
                topic_id=topic,
                place_id=place,
                frequency=frequency,
                is_local_only=place is not None,
            )
            for topic, place, frequency in wanted
        )
    return destination.id


def link(runtime: Runtime, template: str, purpose: str) -> str:
    with runtime.db.read() as session:
        rows = session.scalars(select(Notification).order_by(Notification.id.desc()))
        payload = next(row.payload for row in rows if row.payload["template"] == template)
    return runtime.vault.token(purpose, payload["token_id"])


def live(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).where(Subscription.ended_at.is_(None))) or 0


def sign_in(page: Page, base: str, runtime: Runtime) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("#email", ADDRESS)
    _press(page)
    page.goto(f"{base}/sign-in/{link(runtime, 'sign_in', 'sign-in')}")
    _press(page)


def _press(page: Page, selector: str = "main form button.btn") -> None:
    with page.expect_navigation():
        page.click(selector)


def _states(page: Page, base: str, runtime: Runtime, reader: int) -> Iterator[str]:
    """Bring the page into each state, one after another, and name it."""
    yield from _signing_in(page, base, runtime)
    yield "my page"
    page.goto(base + "/my/subscriptions/1")
    yield "my subscription"
    for slug in PLACES:
        page.uncheck(f"#places-{slug}")
    _press(page)
    yield "my subscription with a problem"
    page.goto(base + "/my/subscriptions/1/end")
    yield "my end"
    page.goto(base + "/my/end-all")
    yield "my end all"
    page.goto(base + "/my/pause")
    yield "my pause"
    page.check("#until-date")
    page.fill("#date", "2020-01-01")
    _press(page)
    yield "my pause with a problem"
    page.goto(base + "/my/quiet-hours")
    yield "my quiet hours"
    page.fill("#until", "22:00")
    _press(page)
    yield "my quiet hours with a problem"
    page.fill("#until", "08:00")
    _press(page)
    page.goto(base + "/my/quiet-hours")
    yield "my quiet hours on"
    page.goto(base + "/my/language")
    yield "my language"
    page.goto(base + "/my/address")
    yield "my address"
    page.fill("#email", ADDRESS)
    _press(page)
    yield "my address with a problem"
    page.fill("#email", NEW)
    _press(page)
    yield "my address asked"
    page.goto(f"{base}/address/stop/{link(runtime, 'move_asked', 'move-stop')}")
    yield "address stop"
    page.goto(f"{base}/address/{link(runtime, 'move', 'move')}")
    yield "address move"
    yield from _troubled(page, base, runtime, reader)
    page.goto(f"{base}/address/stop/{link(runtime, 'move_asked', 'move-stop')}")
    _press(page)
    yield "address stopped"
    page.goto(f"{base}/address/{link(runtime, 'move', 'move')}")
    yield "address expired"


def _signing_in(page: Page, base: str, runtime: Runtime) -> Iterator[str]:
    page.goto(base + "/sign-in")
    yield "sign in"
    _press(page)
    yield "sign in with a problem"
    page.fill("#email", ADDRESS)
    _press(page)
    yield "sign in sent"
    path = f"{base}/sign-in/{link(runtime, 'sign_in', 'sign-in')}"
    page.goto(path)
    yield "sign in link"
    _press(page)
    page.goto(path)
    yield "sign in link used"
    page.goto(base + "/my")


def _troubled(page: Page, base: str, runtime: Runtime, reader: int) -> Iterator[str]:
    """My page where there is much to say, and where there is nothing."""
    with runtime.db.write() as session:
        hashed = session.get_one(Destination, reader).address_hash
        session.add(Suppression(address_hash=hashed, reason=SuppressionReason.HARD))
        session.execute(
            update(Destination)
            .where(Destination.id == reader)
            .values(paused_until=utcnow() + timedelta(days=7))
        )
    page.goto(base + "/my")
    yield "my page on a break and suppressed"
    page.goto(base + "/my/end-all")
    _press(page)
    yield "my page empty"
    _press(page, ".notice-good .link-button")
    with runtime.db.read() as session:
        row = session.scalars(select(Subscription).order_by(Subscription.id)).first()
    assert row is not None
    token = runtime.vault.token("unsubscribe", 1, reader, row.id)
    page.goto(f"{base}/u/{token}")
    yield "unsubscribe"
    _press(page)
    yield "unsubscribed and others go on"
    _press(page, ".link-button")


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_state(
    site: str, runtime: Runtime, reader: int, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, runtime, reader):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 27


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_whole_way_without_javascript(
    site: str, runtime: Runtime, reader: int, open_context: OpenContext, prefix: str
) -> None:
    say = WORDS[prefix]
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{prefix}/my")
    page.fill("#email", ADDRESS)
    page.get_by_role("button", name=say["ask"]).click()
    expect(page.get_by_role("heading", name=say["check"])).to_be_visible()
    page.goto(f"{site}{prefix}/sign-in/{link(runtime, 'sign_in', 'sign-in')}")
    page.get_by_role("button", name=say["enter"]).click()
    expect(page.get_by_role("heading", name=say["mine"], level=1)).to_be_visible()

    card = page.locator(".card-item", has_text=say["sport"])
    card.get_by_role("link", name=say["change"]).click()
    page.get_by_label(say["daily"]).check()
    page.get_by_role("button", name=say["save"]).click()
    expect(page.get_by_role("status")).to_contain_text(say["saved"])
    expect(card).to_contain_text(say["daily"])

    page.get_by_role("link", name=say["pause"], exact=True).click()
    page.get_by_label(say["week"]).check()
    page.get_by_role("button", name=say["begin"]).click()
    expect(page.get_by_text(say["paused"])).to_be_visible()
    page.get_by_role("button", name=say["resume"]).click()
    expect(page.get_by_text(say["paused"])).to_be_hidden()

    page.get_by_role("link", name=say["end all"]).click()
    page.get_by_role("button", name=say["yes"]).click()
    expect(page.get_by_text(say["nothing"])).to_be_visible()
    assert live(runtime) == 0
    page.get_by_role("button", name=say["undo"]).click()
    assert live(runtime) == 7

    page.locator("a[href$='/my/address']").click()
    page.get_by_label(say["new"]).fill(NEW)
    page.get_by_role("button", name=say["send"]).click()
    expect(page.get_by_text(NEW)).to_be_visible()
    page.goto(f"{site}{prefix}/my")
    page.get_by_role("button", name=say["out"]).click()
    expect(page.get_by_role("heading", name=say["left"])).to_be_visible()
    page.goto(f"{site}{prefix}/address/{link(runtime, 'move', 'move')}")
    page.get_by_role("button", name=say["here"]).click()
    expect(page.get_by_role("heading", name=say["moved"])).to_be_visible()


def test_a_break_by_keyboard_alone(
    site: str, runtime: Runtime, reader: int, open_context: OpenContext
) -> None:
    page = open_context().new_page()
    page.goto(site + "/sign-in")
    _tab_to(page, "#email")
    page.keyboard.type(ADDRESS)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(f"{site}/sign-in/{link(runtime, 'sign_in', 'sign-in')}")
    _tab_to(page, "main form button.btn")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    _tab_to(page, "a[href='/my/pause']")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    _tab_to(page, "#until-week")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#until-fortnight")).to_be_checked()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("Ara verdiniz")).to_be_visible()
    with runtime.db.read() as session:
        until = session.get_one(Destination, reader).paused_until
    assert until is not None
    assert timedelta(days=13) <= until - utcnow() <= timedelta(days=14)


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, which must be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            expect(page.locator(selector).first).to_be_in_viewport()
            return
    raise AssertionError(f"the keyboard does not reach {selector}")
