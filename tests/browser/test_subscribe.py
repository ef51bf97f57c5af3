"""The sign-up in a browser: every page in every state and look, without JavaScript, by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import func, select

from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import (
    Article,
    ArticleState,
    LabelOrigin,
    LabelState,
    Notification,
    Revision,
    Source,
    Subscription,
    TopicLabel,
)
from service.runtime import Runtime
from service.subscriptions.channels import add_channel
from tests.browser.checks import WALKS, Walk, inspect

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
LONG_ADDRESS = "cok.uzun.bir.adres.ornegi.olarak.yazilmis@alt-alan-adi.ornek-belediye.example.com"
GO_ON = "main form > button.btn"
WORDS = {
    "": {"check": "Yanıtlarınızı denetleyin", "mail": "E-postanıza bakın", "new": "Yeni bir"},
    "/en": {"check": "Check your answers", "mail": "Check your email", "new": "We have asked"},
}


@pytest.fixture
def city(runtime: Runtime) -> None:
    """Some news, and a channel that anyone can join."""
    with runtime.db.write() as session:
        source = Source(slug="izmir", sealed_secret="x")
        session.add(source)
        session.flush()
        for number in range(9):
            article = Article(
                source_id=source.id,
                external_id=str(number),
                state=ArticleState.PUBLISHED,
                published_at=utcnow(),
            )
            session.add(article)
            session.flush()
            revision = Revision(
                article_id=article.id,
                content_hash="h",
                url="https://city.example/haber",
                title="Karşıyaka’da tramvay seferleri bu hafta sonu bakım nedeniyle kısaltılıyor",
                summary="",
                body_html="",
                body_text="",
            )
            session.add(revision)
            session.flush()
            article.revision_id = article.shown_revision_id = revision.id
            session.add(
                TopicLabel(
                    revision_id=revision.id,
                    topic_id=1 + number % 2,
                    state=LabelState.PUBLISHED,
                    origin=LabelOrigin.CLASSIFIER,
                    score=0.9,
                )
            )
            session.flush()
            stamp_feeds(session, article.id, utcnow())
        add_channel(
            session,
            runtime.vault,
            runtime.settings,
            name="İzmir Haber",
            url="json://127.0.0.1:9/1",
            topic_slugs=[],
            public_url="https://t.me/ornek",
        )


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_is_right_in_every_state(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, runtime):
        seen += 1
        problems += inspect(page, walk, f"subscribe {state}")
    assert problems == []
    assert seen == 20


def _states(page: Page, base: str, runtime: Runtime) -> Iterator[str]:
    """Bring the page into each state, one after another, and name it."""
    page.goto(base + "/subscribe")
    yield "topics"
    yield from _answered(page, "topics", ("#topics-ulasim", "#topics-kultur-sanat"))
    yield "places"
    yield from _answered(page, "places", ("#places-konak", "#places-karsiyaka"))
    yield "often"
    yield from _answered(page, "often", ("#often-daily",))
    yield "how"
    yield from _answered(page, "how", ("#how-feed",))
    yield "feeds"
    _press(page, ".back-link")
    page.check("#how-chat")
    _press(page, GO_ON)
    yield "chat"
    _press(page, GO_ON)
    yield "address"
    page.fill("#email", "ayse")
    _press(page, GO_ON)
    yield "address with problems"
    page.fill("#email", LONG_ADDRESS)
    page.check("#consent")
    _press(page, GO_ON)
    yield "check"
    _press(page, "button.btn")
    yield "check email"
    _press(page, "button[name=again]")
    yield "check email again"
    yield from _from_elsewhere(page, base)
    yield from _confirmed(page, base, runtime)


def _answered(page: Page, step: str, ids: tuple[str, ...]) -> Iterator[str]:
    _press(page, GO_ON)
    yield f"{step} with a problem"
    for selector in ids:
        page.check(selector)
    _press(page, GO_ON)


def _from_elsewhere(page: Page, base: str) -> Iterator[str]:
    page.goto(base + "/embed?topics=ulasim")
    yield "embed"
    form = page.locator("#snippet").input_value()
    page.set_content(f"<!doctype html><title>Belediye</title>{form}")
    page.evaluate("url => { document.forms[0].action = url }", base + "/embed")
    page.fill("#tellal-email", "ayse@example.com")
    _press(page, "button")
    yield "check from elsewhere"
    _press(page, "button.btn")
    yield "check without consent"


def _confirmed(page: Page, base: str, runtime: Runtime) -> Iterator[str]:
    page.goto(f"{base}/confirm/{_token(runtime)}")
    yield "confirm"
    _press(page, "button.btn")
    yield "started"


def _token(runtime: Runtime) -> str:
    """Of the newest confirmation mail."""
    with runtime.db.read() as session:
        newest = session.scalars(select(Notification).order_by(Notification.id.desc())).first()
    assert newest is not None
    return runtime.vault.token("confirm", newest.payload["token_id"])


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_keyboard_alone_leads_through_the_sign_up(
    site: str, runtime: Runtime, open_context: OpenContext, prefix: str
) -> None:
    """Tab, Space, arrows, letters and Enter, on a phone's width, without JavaScript or cookies."""
    words = WORDS[prefix]
    context = open_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(f"{site}{prefix}/subscribe")
    for target, key in (
        ("#topics-spor", "Space"),
        ("#places-konak", "Space"),
        ("#often-instant", "ArrowDown"),  # the second of the three
        ("#how-email", "Space"),
    ):
        _tab_to(page, target)
        page.keyboard.press(key)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    _tab_to(page, "#email")
    page.keyboard.type("ayse@example.com")
    _tab_to(page, "#consent")
    page.keyboard.press("Space")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(words["check"])
    expect(page.locator(".answers")).to_contain_text("ayse@example.com")
    _tab_to(page, "main button.btn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(words["mail"])
    assert context.cookies() == []
    with runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 1
        assert session.scalar(select(func.count()).select_from(Subscription)) == 0


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus; it is then in sight."""
    target = page.locator(selector)
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.and_(page.locator(":focus")).count():
            expect(target).to_be_in_viewport()
            return
    pytest.fail(f"the Tab key does not reach {selector}")


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_change_without_javascript_comes_back_to_the_answers(
    site: str, open_context: OpenContext, prefix: str
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{site}{prefix}/subscribe?topic=spor")
    for choice in (None, "#places-all", "#often-weekly", "#how-email"):
        if choice:
            page.check(choice)
        page.locator(GO_ON).click()
    page.fill("#email", "ayse@example.com")
    page.check("#consent")
    page.locator(GO_ON).click()
    page.locator(".answers-change button[value=places]").click()
    expect(page.locator("#places-all")).to_be_checked()
    page.uncheck("#places-all")
    page.check("#places-konak")
    page.locator(GO_ON).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS[prefix]["check"])
    expect(page.locator(".answers")).to_contain_text("Konak")
    page.locator("main button.btn").click()
    page.locator("button[name=again]").click()
    expect(page.get_by_role("status")).to_contain_text(WORDS[prefix]["new"])


def test_the_feed_code_is_dark_on_light_in_a_dark_room_too(
    site: str, open_context: OpenContext
) -> None:
    page: Any = open_context(color_scheme="dark", bypass_csp=True).new_page()
    page.goto(f"{site}/subscribe?topic=spor")
    for choice in (None, "#places-all", "#often-weekly", "#how-feed"):
        if choice:
            page.check(choice)
        _press(page, GO_ON)
    ground, modules = page.locator("svg.qr path").all()
    assert ground.evaluate("e => getComputedStyle(e).fill") == "rgb(255, 255, 255)"
    assert modules.evaluate("e => getComputedStyle(e).stroke") == "rgb(0, 0, 0)"
    expect(page.get_by_role("img", name="/feeds/spor.rss")).to_be_visible()
