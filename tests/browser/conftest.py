"""A real browser before a real server; without a Chromium these tests fail and say why."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from werkzeug.serving import make_server

from tests.browser.chromium import is_downloaded, on_machine

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


FOLDER = Path(__file__).parent
LAST = "test_pages_are_seen.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks whether everything was seen runs last, and only where all of it runs."""
    last = [item for item in items if item.path.name == LAST]
    items[:] = [item for item in items if item.path.name != LAST]
    chosen = any("::" in one for one in config.args) or config.option.keyword
    here = {item.path.name for item in items if item.path.parent == FOLDER}
    if chosen or here < {one.name for one in FOLDER.glob("test_*.py")} - {LAST}:
        config.hook.pytest_deselected(items=last)
    else:
        items += last


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if on_machine() is None and not is_downloaded():
        pytest.fail("no Chromium on this machine: make browser, or apt install chromium", False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=on_machine(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def database_url(sqlite_template: Any, tmp_path: Any) -> str:
    """Pages look the same on both databases: one is enough here."""
    shutil.copy(sqlite_template, tmp_path / "tellal.db")
    return f"sqlite:///{tmp_path / 'tellal.db'}"


@pytest.fixture
def site(app: APIFlask) -> Iterator[str]:
    """The address of a running server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Browser windows with their settings, closed at the end."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
