"""The box of its own where the city's mail leaves the country, in every look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from service.settings import Settings
from tests.browser.checks import WALKS, Walk, inspect

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
GO_ON = "main form > button.btn"
ADDRESS = "ayse@example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"abroad": {"email": "Example Relay Services"}})


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_the_box_is_right_in_every_state(site: str, open_context: OpenContext, walk: Walk) -> None:
    page = walk.open(open_context)
    page.goto(site + walk.prefix + "/subscribe")
    for box in ("#topics-ulasim", "#places-konak", "#often-daily", "#how-email"):
        page.check(box)
        _go_on(page)
    expect(page.locator("label[for=abroad]")).to_contain_text("Example Relay Services")
    problems = inspect(page, walk, "abroad address")

    page.fill("#email", ADDRESS)
    page.check("#consent")
    _go_on(page)
    problems += inspect(page, walk, "abroad address with a problem")
    page.click("a[href='#abroad']")
    expect(page.locator("#abroad")).to_be_focused()
    page.check("#abroad")
    _go_on(page)
    expect(page.locator("#abroad")).to_have_count(0)

    page.goto(site + walk.prefix + "/embed?topics=ulasim")
    form = page.locator("#snippet").input_value()
    page.set_content(f"<!doctype html><title>Belediye</title>{form}")
    page.evaluate("url => { document.forms[0].action = url }", site + walk.prefix + "/embed")
    page.fill("#tellal-email", ADDRESS)
    _press(page, "button")
    _press(page, "button.btn")
    problems += inspect(page, walk, "abroad check with both problems")
    assert problems == []


def _go_on(page: Page) -> None:
    _press(page, GO_ON)


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)
