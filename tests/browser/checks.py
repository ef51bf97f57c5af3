"""What holds for every page in every state: axe, valid HTML, width, targets, weight, few requests;
and its picture.

A test of a part opens its pages in each `Look`, brings them into their states, and inspects each.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import html5lib
from axe_playwright_python.sync_playwright import Axe
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
MAX_BYTES = 60 * 1024
MAX_REQUESTS = 10
_LOADED = """() => [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].map(e => [e.name, e.encodedBodySize + 300])"""
_REPEATED_IDS = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}"""
_documents: WeakKeyDictionary[Page, Response] = WeakKeyDictionary()


@dataclass(frozen=True)
class Look:
    """One way to look at a page. `prefix` is empty in Turkish and `/en` in English."""

    prefix: str
    scheme: str
    width: int

    def __str__(self) -> str:
        return f"{self.prefix.strip('/') or 'tr'}-{self.scheme}-{self.width}"

    def open(self, open_context: OpenContext, **options: Any) -> Page:
        """A window of this look; axe must be let in past the content security policy."""
        page = open_context(
            color_scheme=self.scheme,
            viewport={"width": self.width, "height": 900},
            bypass_csp=True,
            **options,
        ).new_page()
        page.on("response", lambda response: _keep_document(page, response))
        return page


LOOKS = [
    Look(prefix, scheme, width)
    for prefix in ("", "/en")
    for scheme, width in (("light", 320), ("light", 1280), ("dark", 320), ("dark", 1280))
]


def inspect(page: Page, look: Look, state: str) -> list[str]:
    """Keep a picture of the page in its present state, and say what is wrong with it."""
    _keep_picture(page, look, state)
    found = [
        f"{violation['id']}: {html.unescape(str([node['html'][:120] for node in nodes[:3]]))}"
        for violation in Axe().run(page).response["violations"]
        for nodes in [violation["nodes"]]
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > look.width:
        found.append(f"scrolls sideways: {width} pixels wide")
    found += [f"target too small: {target}" for target in page.evaluate(_SMALL_TARGETS)]
    found += _too_heavy(page) + _invalid(page)
    return [f"{state} ({look}): {problem}" for problem in found]


def weight(page: Page) -> tuple[int, int]:
    """Bytes and requests of the page, had nothing been cached: bodies as they were sent, and 300
    bytes of headers for each."""
    loaded = page.evaluate(_LOADED)
    return sum(size for _, size in loaded), len(loaded)


def _too_heavy(page: Page) -> list[str]:
    size, requests = weight(page)
    found = [f"weighs {size / 1024:.1f} KB"] if size > MAX_BYTES else []
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
    page.screenshot(path=ARTEFACTS / f"{name}.{look}.png", full_page=True)
