"""What holds for every page in every state: axe, width, targets, weight; and its picture.

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

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

OpenContext = Callable[..., BrowserContext]
ARTEFACTS = Path(os.environ.get("TELLAL_ARTEFACTS", "var/test-artefacts"))

# WCAG 2.2, 2.5.8: 24 by 24 CSS pixels, links inside a sentence excepted.
_SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input, summary')].filter(e => {
  const box = e.getBoundingClientRect();
  const isInText = e.tagName === 'A' && getComputedStyle(e).display === 'inline';
  return box.width && !isInText && e.type !== 'hidden' && (box.height < 24 || box.width < 24);
}).map(e => e.outerHTML.slice(0, 90))"""


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
        return open_context(
            color_scheme=self.scheme,
            viewport={"width": self.width, "height": 900},
            bypass_csp=True,
            **options,
        ).new_page()


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
    return [f"{state} ({look}): {problem}" for problem in found]


def _keep_picture(page: Page, look: Look, state: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", state.lower()).strip("-")
    page.screenshot(path=ARTEFACTS / f"{name}.{look}.png", full_page=True)
