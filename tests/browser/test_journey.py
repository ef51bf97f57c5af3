"""The whole way of a citizen with JavaScript switched off, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlalchemy import func, select

from service.models import Destination, Notification, Subscription
from service.runtime import Runtime

OpenContext = Callable[..., BrowserContext]

WORDS: dict[str, dict[str, str]] = {
    "": {
        "start": "Başla",
        "next": "Devam et",
        "send": "Onay bağlantısını gönder",
        "check": "E-postanıza bakın",
        "confirm": "Evet, bu haberleri almak istiyorum",
        "started": "Aboneliğiniz başladı",
        "leave": "Abonelikten ayrıl",
        "left": "Ayrıldınız",
        "undo": "Geri alın",
        "again": "Aboneliğiniz yeniden başladı",
        "topic": "Ulaşım",
        "problem": "Bir sorun var",
    },
    "/en": {
        "start": "Start",
        "next": "Continue",
        "send": "Send me the confirmation link",
        "check": "Check your email",
        "confirm": "Yes, I want this news",
        "started": "Your subscription has started",
        "leave": "Unsubscribe",
        "left": "You have unsubscribed",
        "undo": "Undo",
        "again": "Your subscription has started again",
        "topic": "Transport",
        "problem": "There is a problem",
    },
}


def live(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).where(Subscription.ended_at.is_(None))) or 0


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_signing_up_and_leaving_without_javascript(
    site: str, runtime: Runtime, open_context: OpenContext, prefix: str
) -> None:
    words = WORDS[prefix]
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{prefix}/")
    page.get_by_role("link", name=words["start"], exact=True).click()
    page.get_by_role("button", name=words["next"]).click()
    expect(page.get_by_role("heading", name=words["problem"])).to_be_visible()
    page.get_by_label(words["topic"], exact=False).first.check()
    page.get_by_role("button", name=words["next"]).click()
    page.get_by_label("Karşıyaka").check()
    page.get_by_role("button", name=words["next"]).click()
    page.locator("#often-daily").check()
    page.get_by_role("button", name=words["next"]).click()
    page.locator("#how-email").check()
    page.get_by_role("button", name=words["next"]).click()
    page.locator("#consent").check()
    # Enter must go forward, though buttons that go back stand before the field.
    page.locator("#email").fill("ayse@example.com")
    page.locator("#email").press("Enter")
    page.get_by_role("button", name=words["send"]).click()
    expect(page.get_by_role("heading", name=words["check"])).to_be_visible()
    expect(page.get_by_text("ayse@example.com")).to_be_visible()

    with runtime.db.read() as session:
        payload = session.scalars(select(Notification)).one().payload
    page.goto(f"{site}{prefix}/confirm/{runtime.vault.token('confirm', payload['token_id'])}")
    assert live(runtime) == 0
    page.get_by_role("button", name=words["confirm"]).click()
    expect(page.get_by_role("heading", name=words["started"])).to_be_visible()
    assert live(runtime) == 1

    with runtime.db.read() as session:
        ids = (
            session.scalars(select(Destination.id)).one(),
            session.scalars(select(Subscription.id)).one(),
        )
    page.goto(f"{site}{prefix}/u/{runtime.vault.token('unsubscribe', 1, *ids)}")
    assert live(runtime) == 1
    page.get_by_role("button", name=words["leave"]).click()
    expect(page.get_by_role("heading", name=words["left"])).to_be_visible()
    assert live(runtime) == 0
    page.get_by_role("button", name=words["undo"]).click()
    expect(page.get_by_role("heading", name=words["again"])).to_be_visible()
    assert live(runtime) == 1


def test_the_keyboard_finds_the_way_past_the_menu(site: str, open_context: OpenContext) -> None:
    page = open_context().new_page()
    page.goto(f"{site}/subscribe")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Ana içeriğe geç")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#topics-all")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#topics-all")).to_be_checked()


def test_pages_load_nothing_from_elsewhere(site: str, open_context: OpenContext) -> None:
    page = open_context().new_page()
    asked: list[str] = []
    trouble: list[Any] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: trouble.append(message.text))
    for path in ("/", "/subscribe", "/docs", "/privacy", "/staff/login"):
        page.goto(site + path)
    assert all(url.startswith((site, "data:")) for url in asked)
    assert trouble == []
