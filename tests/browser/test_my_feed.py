"""Feeds in a browser: one of one's own in each of its states, and the several of many choices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from lxml import etree
from playwright.sync_api import Page, expect
from sqlalchemy import update

from service.models import Destination, Subscriber
from service.runtime import Runtime
from tests.browser.checks import WALKS, OpenContext, Walk, inspect
from tests.browser.test_my_data import enter
from tests.integration.town import Town

GO_ON = "main form > button.btn"
DISTRICTS = ("konak", "bornova", "karsiyaka", "bayrakli", "narlidere", "buca", "urla")
WORDS = {
    "": {
        "mine": "Akışım",
        "make": "Akışımı oluştur",
        "new": "Bana yeni bir adres ver",
        "off": "Akışımı kapat",
        "list": "Listeyi indir",
        "formats": "Başka biçimler",
    },
    "/en": {
        "mine": "My feed",
        "make": "Make my feed",
        "new": "Give me a new address",
        "off": "Switch my feed off",
        "list": "Download the list",
        "formats": "Other formats",
    },
}


@pytest.fixture
def town(runtime: Runtime) -> Town:
    return Town(runtime)


@pytest.fixture
def reader(town: Town, runtime: Runtime) -> int:
    """Reads of transport in many districts, and of sport."""
    reader = town.reader("ulasim", "konak", address="ayse@example.com")
    for place in DISTRICTS[1:]:
        town.subscribe(reader, "ulasim", place)
    town.subscribe(reader, "spor")
    with runtime.db.write() as session:
        session.add(person := Subscriber())
        session.flush()
        session.execute(update(Destination).values(subscriber_id=person.id))
    return reader


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_state(
    app: APIFlask,
    site: str,
    runtime: Runtime,
    open_context: OpenContext,
    town: Town,
    reader: int,
    walk: Walk,
) -> None:
    page = walk.open(open_context)
    enter(app, page, site, runtime, reader)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, town, reader):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 7


def _states(page: Page, base: str, town: Town, reader: int) -> Iterator[str]:
    page.goto(f"{base}/my/feed")
    yield "my feed none"
    _press(page, "form[action$='/my/feed/on'] button")
    yield "my feed made"
    page.click("details:last-of-type summary")
    yield "my feed other formats"
    _press(page, "form[action$='/my/feed/renew'] button")
    yield "my feed renewed"
    _press(page, "form[action$='/my/feed/off'] button")
    yield "my feed off"
    town.unsubscribe(reader)
    page.goto(f"{base}/my/feed")
    yield "my feed of nothing"
    page.goto(f"{base}/subscribe")
    for step in (["topics-spor"], [f"places-{one}" for one in DISTRICTS], ["often-daily"]):
        for one in step:
            page.check(f"#{one}")
        _press(page, GO_ON)
    page.check("#how-feed")
    _press(page, GO_ON)
    yield "subscribe several feeds"


def _press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.click(selector)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_feed_of_ones_own_without_javascript(
    app: APIFlask,
    site: str,
    runtime: Runtime,
    open_context: OpenContext,
    reader: int,
    prefix: str,
    tmp_path: Path,
) -> None:
    words = WORDS[prefix]
    page = open_context(java_script_enabled=False, accept_downloads=True).new_page()
    enter(app, page, site, runtime, reader)
    page.goto(f"{site}{prefix}/my")
    page.get_by_role("link", name=words["mine"], exact=True).click()
    page.get_by_role("button", name=words["make"]).click()
    first = page.locator("#feed-1").input_value()
    path = first.partition("/feeds")[2]
    assert page.context.request.get(f"{site}/feeds{path}").status == 200
    page.get_by_text(words["formats"]).first.click()
    expect(page.get_by_role("link", name=re.compile("^Atom"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(words["list"])).click()
    download.value.save_as(tmp_path / "list")
    assert len(etree.parse(tmp_path / "list").findall("body/outline")) == 3
    page.get_by_role("button", name=words["new"]).click()
    assert page.locator("#feed-1").input_value() != first
    assert page.context.request.get(f"{site}/feeds{path}").status == 404
    page.get_by_role("button", name=words["off"]).click()
    expect(page.get_by_role("button", name=words["make"])).to_be_visible()
