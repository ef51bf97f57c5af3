"""What holds for every page in every state: axe, valid HTML, width, targets, weight, few requests;
and its picture.

A test of a part walks through its states once in each language (`WALKS`) and inspects each state,
which then changes its colours and its width under way: axe looks at it in light and in dark.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import html5lib
from axe_playwright_python.base import AXE_SCRIPT
from html5lib.constants import E as SENTENCES
from playwright.sync_api import BrowserContext, Page, Response

OpenContext = Callable[..., BrowserContext]
ARTEFACTS = Path(os.environ.get("TELLAL_ARTEFACTS", "var/test-artefacts"))

# WCAG 2.2, 2.5.8: 24 by 24 CSS pixels, links inside a sentence excepted.
_SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input, summary')].filter(e => {
  const box = e.getBoundingClientRect();
  const isInText = e.tagName === 'A' && getComputedStyle(e).display === 'inline';
  return box.width && !isInText && e.type !== 'hidden' && (box.height < 24 || box.width < 24);
}).map(e => e.outerHTML.slice(0, 90))"""


# A first visit, as it goes over the wire; the browser counts what it has cached too.
NARROW, WIDE, HEIGHT = 320, 1280, 900
MAX_BYTES = 60 * 1024
MAX_REQUESTS = 10
_LOADED = """() => [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].map(e => [e.name, e.encodedBodySize + 300])"""
_REPEATED_IDS = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}"""
_RUN_AXE = """() => axe.run(document, {resultTypes: ['violations']})
  .then(results => results.violations.map(({id, nodes}) => ({id, nodes})))"""
_documents: WeakKeyDictionary[Page, Response] = WeakKeyDictionary()


@dataclass(frozen=True)
class Look:
    """One way to look at a page. `prefix` is empty in Turkish and `/en` in English."""

    prefix: str
    scheme: str
    width: int

    def __str__(self) -> str:
        return f"{self.language}-{self.scheme}-{self.width}"

    @property
    def language(self) -> str:
        return self.prefix.strip("/") or "tr"

    @property
    def looks(self) -> tuple[Look, ...]:
        return (self,)

    def open(self, open_context: OpenContext, **options: Any) -> Page:
        """A window of this look; axe must be let in past the content security policy."""
        page = open_context(
            color_scheme=self.scheme,
            viewport={"width": self.width, "height": HEIGHT},
            bypass_csp=True,
            **options,
        ).new_page()
        page.on("response", lambda response: _keep_document(page, response))
        return page


@dataclass(frozen=True)
class Walk:
    """A walk in one language, whose every state is seen in light and dark, narrow and wide."""

    prefix: str

    def __str__(self) -> str:
        return self.looks[0].language

    @property
    def looks(self) -> tuple[Look, ...]:
        return tuple(
            Look(self.prefix, scheme, width)
            for scheme in ("light", "dark")
            for width in (NARROW, WIDE)
        )

    def open(self, open_context: OpenContext, **options: Any) -> Page:
        """A window in the first of the looks."""
        return self.looks[0].open(open_context, **options)


@dataclass(frozen=True)
class Seen:
    """One state as axe saw it, for the table in docs/journeys.md."""

    test: str
    state: str
    look: Look
    path: str
    violations: int


WALKS = [Walk(""), Walk("/en")]
seen: list[Seen] = []


def inspect(page: Page, walk: Look | Walk, state: str, most: int = MAX_BYTES) -> list[str]:
    """Keep pictures of the page in its present state, and say what is wrong with it; `most` is what
    it may weigh.

    Axe runs once in each scheme, at the first width: no rule of it asks how wide a page is.
    """
    page.evaluate(AXE_SCRIPT)
    found, schemes = _too_heavy(page, most) + _invalid(page), set()
    for look in walk.looks:
        page.emulate_media(color_scheme=look.scheme)
        page.set_viewport_size({"width": look.width, "height": HEIGHT})
        if look.scheme not in schemes:
            schemes.add(look.scheme)
            found += _violations(page, look, state)
        found += _misshapen(page, look)
        _keep_picture(page, look, state)
    page.emulate_media(color_scheme=walk.looks[0].scheme)
    page.set_viewport_size({"width": walk.looks[0].width, "height": HEIGHT})
    return [f"{state} ({walk}): {problem}" for problem in found]


def _violations(page: Page, look: Look, state: str) -> list[str]:
    violations = page.evaluate(_RUN_AXE)
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0].split("[")[0]
    seen.append(Seen(test, state, look, urlsplit(page.url).path, len(violations)))
    return [
        f"{look.scheme}: {violation['id']}: {html.unescape(str(nodes))}"
        for violation in violations
        for nodes in [[node["html"][:120] for node in violation["nodes"][:3]]]
    ]


def _misshapen(page: Page, look: Look) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth")
    found = [f"scrolls sideways: {width} pixels wide"] if width > look.width else []
    return found + [f"target too small: {target}" for target in page.evaluate(_SMALL_TARGETS)]


def weight(page: Page) -> tuple[int, int]:
    """Bytes and requests of the page, had nothing been cached: bodies as they were sent, and 300
    bytes of headers for each."""
    loaded = page.evaluate(_LOADED)
    return sum(size for _, size in loaded), len(loaded)


def _too_heavy(page: Page, most: int) -> list[str]:
    size, requests = weight(page)
    found = [f"weighs {size / 1024:.1f} KB"] if size > most else []
    return found + ([f"{requests} requests"] if requests > MAX_REQUESTS else [])


def _invalid(page: Page) -> list[str]:
    """What a validator says of the page as it was sent, before the browser mended it."""
    found = [f"id used twice: {name}" for name in page.evaluate(_REPEATED_IDS)]
    parser = html5lib.HTMLParser()
    parser.parse(_documents[page].text() if page in _documents else page.content())
    return found + [
        f"HTML, line {line}: {SENTENCES[code] % values}"
        for (line, _), code, values in parser.errors
    ]


def _keep_document(page: Page, response: Response) -> None:
    is_page = response.request.is_navigation_request() and response.frame == page.main_frame
    if is_page and not 300 <= response.status < 400:
        _documents[page] = response


def _keep_picture(page: Page, look: Look, state: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", state.lower()).strip("-")
    path = ARTEFACTS / f"{name}.{look}.jpg"  # drawn twice as fast as a PNG
    page.screenshot(path=path, full_page=True, type="jpeg", quality=80)
