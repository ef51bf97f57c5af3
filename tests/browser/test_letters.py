"""Letters in a real browser: axe finds nothing in light and dark, nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext

from service.messages.email import SERVICE_LETTERS
from service.messages.preview import parts
from service.models import Frequency
from tests.unit.messages.stories import (
    AT,
    CLIMATE,
    HOUSE,
    PLACES,
    SETTINGS,
    TRAFFIC,
    edition,
    reader,
    story,
)
from tests.unit.messages.test_digest import edition as digest
from tests.unit.messages.test_digest import told

OpenContext = Callable[..., BrowserContext]
NEWS = story(
    title="Körfezde yosun temizliği hız kazandı: ekipler gün boyu çalışacak",
    summary="Havaların ısınmasıyla artan yosun için ekipler kıyı boyunca çalışıyor. " * 4,
    places=(PLACES[4],),
)
LONG = "Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine" * 3
SERVICE = {"language": "tr", "token_id": 4}
LETTERS = {
    "new": edition(NEWS).letter(reader()),
    "correction": edition(
        replace(NEWS, kind="correction", note="Tarih düzeltildi.", original=4)
    ).letter(reader(language="en")),
    "withdrawal": edition(replace(NEWS, kind="withdrawal", note="Yanlış.", original=4)).letter(
        reader()
    ),
    "right to left": edition(replace(NEWS, title="بلدية إزمير تنظف الخليج", language="ar")).letter(
        reader()
    ),
    "long words": edition(replace(NEWS, title=LONG, summary=LONG, topics=(TRAFFIC,))).letter(
        reader(topic_id=8)
    ),
    "digest": digest(
        title=NEWS.title, summary=NEWS.summary, url=NEWS.url, places=NEWS.places
    ).letter(reader(), told(CLIMATE.id, TRAFFIC.id, None, more=4)),
    "digest in English": digest(Frequency.WEEKLY, title=LONG, summary=LONG).letter(
        reader(language="en"), told(CLIMATE.id, CLIMATE.id)
    ),
    **{
        name: HOUSE.service(reader(), 9, {"template": name, **SERVICE}, AT)
        for name in SERVICE_LETTERS
    },
}
PALETTE = SETTINGS.brand.palette
GROUNDS = {"light": PALETTE.light.ground, "dark": PALETTE.dark.ground}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", LETTERS)
def test_axe_finds_nothing_in_a_letter(open_context: OpenContext, name: str, scheme: str) -> None:
    page = open_context(color_scheme=scheme, bypass_csp=True).new_page()
    page.set_content(parts(LETTERS[name])[1])

    found = Axe().run(page).response["violations"]

    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    ground = "getComputedStyle(document.body).backgroundColor"
    channels = [int(GROUNDS[scheme][at : at + 2], 16) for at in (1, 3, 5)]
    assert page.evaluate(ground) == f"rgb({', '.join(map(str, channels))})"


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_does_not_scroll_sideways_at_320_pixels(
    open_context: OpenContext, name: str
) -> None:
    page = open_context(viewport={"width": 320, "height": 640}).new_page()
    page.set_content(parts(LETTERS[name])[1])

    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_a_letter_asks_for_nothing_from_the_network(open_context: OpenContext) -> None:
    page = open_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for letter in LETTERS.values():
        page.set_content(parts(letter)[1], wait_until="networkidle")

    assert asked == []
