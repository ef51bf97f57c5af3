"""After all other tests of pages: each page that a citizen can open was seen in both languages.

These run last, and only where the whole folder runs (see conftest.py).
"""

from __future__ import annotations

import os

import pytest
from apiflask import APIFlask
from werkzeug.exceptions import HTTPException

from tests.browser.checks import seen
from tests.browser.journeys import FILE, JOURNEYS, document

# Rules that show no page of their own.
NO_PAGES = {
    "article.find": "leads on to the address with the title",
    "my_data.as_html": "a file; test_the_page_that_is_downloaded_reads_well_without_a_network",
    "my_data.as_json": "a file for programs",
    "my_feed.as_opml": "a file for readers; test_a_feed_of_ones_own_without_javascript",
    "mailbox.html": "a letter in its frame; test_letters.py",
    "mailbox.raw": "a letter as it was sent",
    "sitemaps.index": "a file for crawlers; test_sitemaps.py",
    "sitemaps.of_pages": "a file for crawlers",
    "sitemaps.of_month": "a file for crawlers",
    "sitemaps.of_news": "a file for crawlers",
    "sitemaps.robots": "a file for crawlers",
    "security_txt.show": "a file for researchers; test_security_txt.py",
}


def _pages(app: APIFlask) -> set[str]:
    """Endpoints of citizens' pages, without language."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.rule.startswith("/en/")
        and app.view_functions[rule.endpoint].__module__.startswith("service.citizen.")
    }


def _endpoints(app: APIFlask, language: str) -> set[str]:
    """What was seen in a language. A page that answers a POST stands at the form's address."""
    adapter, found = app.url_map.bind("localhost"), set()
    for path in {one.path for one in seen if one.look.language == language}:
        for method in ("GET", "POST"):
            try:
                found.add(adapter.match(path, method)[0])
            except HTTPException:
                continue
    return found


@pytest.mark.parametrize(("language", "suffix"), [("tr", ""), ("en", "_en")])
def test_every_page_of_citizens_was_seen(app: APIFlask, language: str, suffix: str) -> None:
    expected = _pages(app) - set(NO_PAGES)
    assert len(expected) > 20
    named = {one.replace(".", f"{suffix}.", 1) for one in expected}
    assert named - _endpoints(app, language) == set()


def test_the_document_says_what_was_seen(request: pytest.FixtureRequest) -> None:
    tests = {item.nodeid.split("[")[0].split("/")[-1] for item in request.session.items}
    assert {test for row in JOURNEYS.values() for test in row} - tests == set()
    text = document(seen)
    if os.environ.get("TELLAL_WRITE_JOURNEYS"):
        FILE.write_text(text, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == text, "make journeys"
