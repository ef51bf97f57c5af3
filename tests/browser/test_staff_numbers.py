"""Statistics in a browser: every page empty and full, in every look, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page

from service.db import utcnow
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import MAX_BYTES, WALKS, Walk, inspect
from tests.browser.numbers_town import fill

OpenContext = Callable[..., BrowserContext]
VIEWER = "viewer@tellal.example"
A_YEAR = 66 * 1024  # bytes: three tables with a row for each day
PARTS = {"deliveries": "", "readers": "/readers", "gaps": "/gaps"}
# Texts of the pictures that are smaller than 12 pixels on the screen.
SMALL = """() => [...document.querySelectorAll('svg.chart text')].filter(
  e => e.getBoundingClientRect().height < 12).length"""
OUTSIDE = """() => [...document.querySelectorAll('svg.chart')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(e => {
    const own = e.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1;
  }).map(e => e.textContent);
})"""


@pytest.fixture
def viewer(app: APIFlask, runtime: Runtime) -> str:
    staff.add(app, runtime, VIEWER, "viewer")
    return VIEWER


def _full(page: Page, base: str) -> Iterator[str]:
    for part, path in PARTS.items():
        page.goto(f"{base}/staff/statistics{path}?days=30")
        yield f"staff statistics {part}"
    page.goto(f"{base}/staff/statistics?days=365")
    page.click("details.chart-table >> nth=0 >> summary")
    yield "staff statistics of a year with a table"


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_is_right_empty_and_full(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    base = site + walk.prefix
    staff.sign_in(page, base, runtime, VIEWER)
    problems = []
    for part, path in PARTS.items():
        page.goto(f"{base}/staff/statistics{path}")
        problems += inspect(page, walk, f"staff statistics {part} empty")
    with runtime.db.write() as session:
        fill(session, utcnow().astimezone(ZoneInfo("Europe/Istanbul")).date())
    for state in _full(page, base):
        most = A_YEAR if "year" in state else MAX_BYTES
        problems += inspect(page, walk, state, most)
        for width in (320, 768, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(SMALL) == 0, (state, width)
            assert page.evaluate(OUTSIDE) == [], (state, width)
    assert problems == []


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_from_a_picture_to_its_table_and_its_file(
    site: str, runtime: Runtime, open_context: OpenContext, prefix: str
) -> None:
    with runtime.db.write() as session:
        fill(session, utcnow().astimezone(ZoneInfo("Europe/Istanbul")).date())
    page = open_context(java_script_enabled=False).new_page()
    staff.sign_in(page, site + prefix, runtime, VIEWER)
    page.goto(site + prefix + "/staff/statistics")
    page.click(".chart-periods a >> nth=0")
    assert page.url.endswith("days=7")
    page.click("details.chart-table >> nth=0 >> summary")
    assert page.locator("details[open] tbody tr").count() == 7
    page.click(".chart-tabs a >> nth=1")
    assert "/readers?days=7" in page.url
    with page.expect_download() as download:
        page.click(".chart-csv >> nth=0")
    assert download.value.suggested_filename == "tellal-readers-7.csv"
