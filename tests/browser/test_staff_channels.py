"""Channels from the first to the last page: added, tested, readdressed, signed, told, repeated.

The rooms are doubles on loopback that answer as the services do; the worker's part is called
between two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page, expect

from service.runtime import Runtime
from service.subscriptions.channels import add_channel
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect
from tests.integration.chat.doubles.ntfy import NtfyDouble
from tests.integration.chat_peers import Peer
from tests.integration.town import Town
from workers.chat import send_chat_batch

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
MANAGER = "kanal@tellal.example"
NAME, HOOK = "Ulaşım odası", "Kent uygulaması"
TITLE = "Karşıyaka’da tramvay <seferleri> bu hafta sonu bakım nedeniyle kısaltılıyor"


@pytest.fixture
def manager(app: APIFlask, runtime: Runtime) -> None:
    staff.add(app, runtime, MANAGER, "channel-manager")


@pytest.fixture
def ntfy() -> Iterator[NtfyDouble]:
    with NtfyDouble().running() as double:
        yield double


@pytest.fixture
def program() -> Iterator[Peer]:
    """The receiver of a webhook."""
    with Peer().running() as peer:
        yield peer


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_of_a_room(
    site: str, runtime: Runtime, ntfy: NtfyDouble, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, runtime, MANAGER)
    problems = []
    for state in _room(page, f"{site}{walk.prefix}/staff/channels", runtime, ntfy):
        problems += inspect(page, walk, state)
    assert problems == []


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_of_a_webhook(
    site: str, runtime: Runtime, program: Peer, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, runtime, MANAGER)
    problems = []
    for state in _hook(page, f"{site}{walk.prefix}/staff/channels", runtime, program):
        problems += inspect(page, walk, state)
    assert problems == []


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_webhook_is_set_up_without_javascript(
    site: str, runtime: Runtime, program: Peer, open_context: OpenContext, prefix: str
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    staff.sign_in(page, site + prefix, runtime, MANAGER)
    page.goto(f"{site}{prefix}/staff/channels")
    page.click("main a[href$='/new']")
    page.fill("#name", HOOK)
    page.fill("#url", f"http://{program.host}/hook")
    page.check("#topics-all")
    _press(page)
    page.click("main a[href$='/secret']")
    _press(page)
    secret = page.inner_text(".copy-field")
    assert secret.startswith("whsec_")
    page.click("main a.btn")
    _press(page, "form[action$='/test'] button")
    _send(runtime)
    page.click("main .button-row a[href$='/channels/1']")
    expect(page.locator("main .tag-good").last).to_be_visible()
    assert [one.body["type"] for one in program.asked] == ["channel.test"]
    page.click("main a[href$='/preview']")
    page.click("main nav a[href$='kind=withdrawal']")
    expect(page.locator("main pre")).to_contain_text("article.withdrawn")
    assert secret not in page.content()


def _room(page: Page, base: str, runtime: Runtime, ntfy: NtfyDouble) -> Iterator[str]:
    page.goto(base)
    yield "staff channels none"
    page.goto(f"{base}/new")
    page.fill("#name", NAME)
    page.fill("#url", ntfy.url("oda"))
    page.check("#topics-ulasim")
    page.uncheck("#places-all")
    page.check("#places-konak")
    page.check("#local_only")
    _press(page)
    yield "staff channel added"
    page.click("main a[href$='/preview']")
    yield "staff channel preview made up"
    page.go_back()
    _press(page, "form[action$='/test'] button")
    yield "staff channel test queued"
    _send(runtime)
    page.click("main .button-row a[href$='/channels/1']")
    expect(page.locator("main")).to_contain_text('"sequence_id"')  # the service’s own words
    yield "staff channel tested"
    page.goto(f"{base}/1/address")
    yield "staff channel address"
    page.fill("#url", ntfy.url("yeni"))
    _press(page)
    yield "staff channel address test queued"
    _send(runtime)
    page.click("main .button-row a")
    yield "staff channel address tested"
    _press(page, "form[action$='/swap'] button")
    expect(page.locator("main h1")).to_have_text(NAME)
    article = Town(runtime).article(("ulasim",), ("konak",), title=TITLE)
    Town(runtime).planned(article)
    _send(runtime)
    page.goto(f"{base}/1/deliveries")
    yield "staff channel deliveries"
    for kind in ("new", "correction", "withdrawal"):
        page.goto(f"{base}/1/preview?kind={kind}")
        yield f"staff channel preview {kind}"
    with runtime.db.write() as session:
        held, url = (session, runtime.vault, runtime.settings), "tgram://123456789:abcdef_ghi/@oda"
        add_channel(*held, name="Telegram", url=url, topic_slugs=[], frequency="daily")
    page.goto(f"{base}/2/preview")
    page.click("main summary")
    yield "staff channel preview in html"
    page.goto(base)
    yield "staff channels two"


def _hook(page: Page, base: str, runtime: Runtime, program: Peer) -> Iterator[str]:
    page.goto(f"{base}/new")
    page.fill("#name", HOOK)
    page.fill("#url", f"http://{program.host}/hook")
    page.check("#topics-all")
    page.check("#language-en")
    _press(page)
    yield "staff webhook without secret"
    page.goto(f"{base}/1/deliveries")
    yield "staff webhook deliveries none"
    page.goto(f"{base}/1/secret")
    yield "staff webhook secret"
    _press(page)
    secret = page.inner_text(".copy-field")
    yield "staff webhook secret made"
    page.goto(f"{base}/1/secret")
    assert secret not in page.content()
    yield "staff webhook secret again"
    program.answer = lambda _: (503, {"error": "maintenance"})
    page.goto(f"{base}/1")
    _press(page, "form[action$='/test'] button")
    _send(runtime)
    page.reload()
    yield "staff webhook refused"
    program.answer = lambda _: (200, {"ok": True})
    Town(runtime).planned(Town(runtime).article(title=TITLE))
    _send(runtime)
    page.goto(f"{base}/1/deliveries")
    yield "staff webhook deliveries"
    _press(page)
    expect(page.locator(".problem-summary")).to_be_visible()
    yield "staff webhook replay with a problem"
    page.fill("#article", "1")
    _press(page)
    expect(page.locator("main [role=status]")).to_be_visible()
    _send(runtime)
    assert [one.body["type"] for one in program.asked].count("article.published") == 2
    page.reload()
    yield "staff webhook replayed"
    page.goto(f"{base}/1/preview?kind=correction")
    expect(page.locator("main pre")).to_contain_text("article.corrected")
    yield "staff webhook preview"


def _send(runtime: Runtime) -> None:
    """What the workers do: send what waits."""
    for batch in Town(runtime).batches():
        send_chat_batch(runtime, batch)


def _press(page: Page, selector: str = "main form button[type=submit]") -> None:
    """Press the last button of these, and wait for what it leads to."""
    with page.expect_navigation():
        page.locator(selector).last.click()
