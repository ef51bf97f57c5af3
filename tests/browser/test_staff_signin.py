"""Sign-in, accounts, keys and my account in a browser: every page in its main states."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page

from service.admin import account_acts, second_factor
from service.admin.accounts import add_staff
from service.db import utcnow
from service.models import Staff
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect

OpenContext = Callable[..., BrowserContext]
NEW = "cok.uzun.bir.adres.ornegi@alt-alan-adi.ornek-belediye.example.com"
SEND = "main button[type=submit]"


@pytest.fixture
def newcomer(app: APIFlask, runtime: Runtime) -> Staff:
    with app.app_context(), runtime.db.write() as session:
        return add_staff(session, NEW, None, ["administrator"])


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_is_right_in_every_state(
    site: str, runtime: Runtime, newcomer: Staff, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, runtime, newcomer):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 20


def _states(page: Page, base: str, runtime: Runtime, who: Staff) -> Iterator[str]:
    """The whole way of a newcomer, who then manages accounts; each state by its name."""
    link = account_acts.link_of(runtime, who).rpartition("/staff/")[2]
    page.goto(f"{base}/staff/{link}")
    yield "first password"
    _send(page, password="short", again="short")
    yield "first password with a problem"
    _send(page, password=staff.PASSWORD, again=staff.PASSWORD)
    page.goto(f"{base}/staff/{link}")
    yield "first password of a used link"
    page.goto(f"{base}/staff/login")
    _send(page, email=NEW, password=staff.PASSWORD)
    yield "set up"
    key = page.inner_text(".set-up-key code").replace(" ", "")
    _send(page, code="000000")
    yield "set up with a problem"
    _send(page, code=second_factor.code_of(key, second_factor.step_at(utcnow())))
    yield "recovery codes"
    code = page.locator(".recovery-codes code").first.inner_text()
    page.click("main a.btn")
    yield from _own(page, base)
    yield from _others(page, base)
    page.goto(f"{base}/staff/confirm?next=/staff/accounts")
    yield "confirm"
    _send(page, password="not it", code="000000")
    yield "confirm with a problem"
    page.click(".staff-bar button")
    page.goto(f"{base}/staff/login")
    _send(page, email=NEW, password=staff.PASSWORD)
    yield "code"
    _send(page, code="000000")
    yield "code with a problem"
    _send(page, code=code)


def _own(page: Page, base: str) -> Iterator[str]:
    page.goto(f"{base}/staff/me")
    yield "my account"
    _press(page, "form[action$='/me/password'] button")
    yield "my account with a problem"
    page.goto(f"{base}/staff/api-keys")
    yield "keys, none"
    page.goto(f"{base}/staff/api-keys/new")
    _press(page, SEND)
    yield "new key with problems"
    page.fill("#name", "Aylık rapor")
    page.check("#powers-see")
    _press(page, SEND)
    yield "key made"
    page.goto(f"{base}/staff/api-keys?whose=all")
    yield "keys"


def _others(page: Page, base: str) -> Iterator[str]:
    page.goto(f"{base}/staff/accounts/new")
    _press(page, SEND)
    yield "new account with problems"
    page.fill("#email", "ayse@example.com")
    page.check("#roles-editor")
    _press(page, SEND)
    yield "account link"
    page.goto(f"{base}/staff/accounts")
    yield "accounts"
    page.goto(f"{base}/staff/accounts/1")
    _press(page, "form[action$='/deactivate'] button")
    yield "account with a problem"


def _send(page: Page, **answers: str) -> None:
    """Fill the form of the page in, send it, and wait for the page that it leads to."""
    for name, text in answers.items():
        page.fill(f"#{name}", text)
    _press(page, SEND)


def _press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.click(selector)
