"""The look itself: every page in all looks, and what readers and printers make of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import ARTEFACTS, WALKS, Look, OpenContext, Walk, inspect, weight

PAGES = ["/", "/subscribe", "/display", "/accessibility", "/privacy", "/no-such-page"]
DARK, LIGHT = Look("", "dark", 1280), Look("", "light", 1280)
NARROW = Look("", "light", 320)
GROUND = "getComputedStyle(document.body).backgroundColor"
BAND = "getComputedStyle(document.querySelector('.site-header')).backgroundColor"
BRIGHTNESS = "c => c.match(/[0-9]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3"
# Text that its own box cuts off.
CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(e => {
  const style = getComputedStyle(e);
  return style.overflow === 'hidden' && !e.matches('.visually-hidden')
    && (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1);
}).map(e => e.outerHTML.slice(0, 90))"""


def choose(page: Page, site: str, scheme: str, size: str) -> None:
    """Choose the look as a reader does."""
    page.goto(f"{site}/display")
    page.check(f"#scheme-{scheme}")
    page.check(f"#size-{size}")
    page.get_by_role("button", name="Kaydet").click()
    expect(page.get_by_role("status")).to_have_text("Seçiminiz bu cihaza kaydedildi.")


def brightness(page: Page) -> float:
    return float(page.evaluate(f"({BRIGHTNESS})({GROUND})"))


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_is_right_in_every_look(
    site: str, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    found = []
    for path in PAGES:
        page.goto(f"{site}{walk.prefix}{path}")
        found += inspect(page, walk, f"look {path}")
    assert found == []


@pytest.mark.parametrize(("look", "scheme"), [(LIGHT, "dark"), (DARK, "light")], ids=str)
def test_a_choice_goes_before_the_device_and_lasts(
    site: str, open_context: OpenContext, look: Look, scheme: str
) -> None:
    page = look.open(open_context)
    choose(page, site, scheme, "normal")
    found = []
    for path in PAGES:
        page.goto(site + path)
        assert (brightness(page) < 80) == (scheme == "dark")
        found += inspect(page, look, f"look chosen {scheme} {path}")
    assert found == []
    choose(page, site, "auto", "normal")
    assert (brightness(page) < 80) == (look is DARK)
    assert "display" not in [cookie["name"] for cookie in page.context.cookies()]


@pytest.mark.parametrize("size", ["large", "larger"])
def test_larger_text_fits_a_narrow_screen(site: str, open_context: OpenContext, size: str) -> None:
    page = NARROW.open(open_context)
    page.goto(site)
    small = page.evaluate("document.querySelector('h3').getBoundingClientRect().height")
    choose(page, site, "auto", size)
    found = []
    for path in PAGES:
        page.goto(site + path)
        found += inspect(page, NARROW, f"look text {size} {path}")
    assert found == []
    page.goto(site)
    assert page.evaluate("document.querySelector('h3').getBoundingClientRect().height") > small


def test_twice_the_text_on_a_narrow_screen_loses_nothing(
    site: str, open_context: OpenContext
) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.10, together: more than they ask for."""
    page = NARROW.open(open_context)
    for path in PAGES:
        page.goto(site + path)
        page.add_style_tag(content="html { font-size: 200% }")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW.width, path
        assert page.evaluate(CUT_OFF) == [], path
        picture(page, f"look-200-{path.strip('/') or 'home'}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_the_readers_own_lose_no_edge(
    site: str, open_context: OpenContext, scheme: str
) -> None:
    look = Look("", scheme, 1280)
    page = look.open(open_context, forced_colors="active")
    page.goto(f"{site}/subscribe?topic=ulasim")
    assert page.locator("#topics-ulasim").is_checked()
    assert inspect(page, look, "look forced colours") == []
    box = "getComputedStyle(document.querySelector('#topics-{}')).backgroundColor"
    assert page.evaluate(box.format("ulasim")) != page.evaluate(box.format("all"))


def test_more_contrast_darkens_the_small_print(site: str, open_context: OpenContext) -> None:
    page = LIGHT.open(open_context, contrast="more")
    page.goto(site)
    colour = "getComputedStyle(document.querySelector('{}')).color"
    assert page.evaluate(colour.format(".topic-card p")) == page.evaluate(colour.format("h1"))


def test_paper_gets_the_text_alone_and_the_addresses_of_links(
    site: str, open_context: OpenContext
) -> None:
    page = DARK.open(open_context)
    choose(page, site, "dark", "normal")
    page.goto(f"{site}/accessibility")
    page.emulate_media(media="print")
    assert brightness(page) == 255
    for hidden in (".site-nav", ".site-tools", ".site-footer nav", ".skip-link"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    picture(page, "look-print")
    # No article is here: a link of the page stands for one that leads away.
    page.evaluate("document.querySelector('main ul a').href = 'https://city.example/haber'")
    after = "getComputedStyle(document.querySelector('main ul a'), '::after').content"
    assert "https://city.example/haber" in page.evaluate(after)


def test_what_has_the_focus_is_seen(site: str, open_context: OpenContext) -> None:
    """WCAG 2.2, 2.4.7 and 2.4.11, for everything that the Tab key reaches."""
    page = NARROW.open(open_context)
    page.goto(f"{site}/display")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              const e = document.activeElement, box = e.getBoundingClientRect();
              const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
              return [e.tagName, getComputedStyle(e).outlineStyle, e.contains(top)];
            }"""
        )
        if focused[0] == "BODY":
            break
        reached.append(focused)
    assert len(reached) >= 10
    assert [one for one in reached if one[1] != "solid" or not one[2]] == []


def test_a_first_visit_is_light(site: str, open_context: OpenContext) -> None:
    """Measured by the browser's own network layer, headers and all; nothing is cached."""
    page = open_context(viewport={"width": 320, "height": 640}).new_page()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    for path in PAGES:
        sizes.clear()
        page.goto(site + path, wait_until="networkidle")
        assert 3 <= len(sizes) <= 10
        assert 2_000 < sum(sizes) < 40 * 1024, path
        assert abs(weight(page)[0] - sum(sizes)) < 2_000, path
