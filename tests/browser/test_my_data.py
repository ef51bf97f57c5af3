"""My data and “wrong topic?” in a browser: every state in every look, and without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask import session as browser_session
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select, update

from service.citizen.signed_in import sign_in
from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import (
    Delivery,
    DeliveryState,
    Destination,
    NotificationKind,
    Subscriber,
    WrongTopic,
)
from service.runtime import Runtime
from tests.browser.checks import WALKS, Look, Walk, inspect
from tests.integration.town import Town

OpenContext = Callable[..., BrowserContext]
ADDRESS = "cok.uzun.bir.adres.ornegi.olarak.yazilmis@alt-alan-adi.ornek-belediye.example.com"
LONG = (
    "Karşıyaka’da tramvay seferleri bu hafta sonu Cumhuriyet Meydanı’ndaki bakım çalışmaları "
    "nedeniyle kısaltılıyor"
)
WORDS: dict[str, dict[str, str]] = {
    "": {
        "wrong": "Yanlış konu mu?",
        "send": "Gönder",
        "thanks": "Teşekkür ederiz",
        "data": "Verilerim",
        "html": "Okumak için sayfa (HTML)",
        "json": "Programlar için (JSON)",
        "erase": "Verilerimi sil",
        "yes": "Evet, bütün verilerimi sil",
        "erased": "Verileriniz silindi",
        "topic": "İklim ve Çevre",
    },
    "/en": {
        "wrong": "Wrong topic?",
        "send": "Send",
        "thanks": "Thank you",
        "data": "My data",
        "html": "Page to read (HTML)",
        "json": "For programs (JSON)",
        "erase": "Erase my data",
        "yes": "Yes, erase all my data",
        "erased": "Your data has been erased",
        "topic": "Climate & Environment",
    },
}


@pytest.fixture
def town(runtime: Runtime) -> Town:
    return Town(runtime)


@pytest.fixture
def reader(town: Town, runtime: Runtime) -> int:
    """A person with two addresses and a message in each state."""
    with runtime.db.write() as session:
        session.add(person := Subscriber())
    reader = town.reader(address=ADDRESS, place="karsiyaka")
    other = town.reader(topic=None, address="ayse@example.com")
    with runtime.db.write() as session:
        session.execute(
            update(Destination)
            .where(Destination.id.in_((reader, other)))
            .values(subscriber_id=person.id)
        )
    for state in DeliveryState:
        title = LONG if state % 2 else "Körfez için iklim eylem planı"
        article = town.article(places=("karsiyaka",), title=title)
        with runtime.db.write() as session:
            stamp_feeds(session, article, utcnow())
        _settle(runtime, town.planned(article), state)
    town.message(reader)
    return reader


def _settle(runtime: Runtime, notification: int, state: DeliveryState) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.notification_id == notification)
            .values(state=state, settled_at=utcnow())
        )


def enter(app: APIFlask, page: Page, site: str, runtime: Runtime, destination_id: int) -> None:
    """Give the browser the cookie of somebody who has opened their sign-in link."""
    with runtime.db.read() as session:
        destination = session.get_one(Destination, destination_id)
    with app.test_request_context():
        sign_in(destination)
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        value = serializer.dumps(dict(browser_session))
    page.context.add_cookies(
        [{"name": app.config["SESSION_COOKIE_NAME"], "value": value, "url": site}]
    )


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_look(
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
    with runtime.db.read() as session:
        article = session.scalars(
            select(Delivery.notification_id).order_by(Delivery.notification_id).limit(1)
        ).one()
    problems = []
    for path, state in (
        ("/my/history", "my-history"),
        ("/my/history?before=1", "my-history-end"),
        ("/my/data", "my-data"),
        ("/my/erase", "my-erase"),
        ("/my/erased", "my-erased"),
        (f"/haber/{article}/wrong-topic", "wrong-topic"),
        (f"/haber/{article}/wrong-topic?done=1", "wrong-topic-done"),
        ("/privacy", "privacy-notice"),
    ):
        answer = page.goto(site + walk.prefix + path)
        assert answer is not None
        assert answer.status == 200, path
        problems += inspect(page, walk, state)
    page.goto(f"{site}{walk.prefix}/haber/{article}/wrong-topic")
    page.get_by_role("button", name=WORDS[walk.prefix]["send"]).click()
    problems += inspect(page, walk, "wrong-topic-problem")
    page.context.clear_cookies()
    enter(app, page, site, runtime, town.reader())
    page.goto(f"{site}{walk.prefix}/my/history")
    problems += inspect(page, walk, "my-history-empty")
    assert problems == []


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_way_without_javascript(
    app: APIFlask,
    site: str,
    runtime: Runtime,
    open_context: OpenContext,
    town: Town,
    reader: int,
    prefix: str,
    tmp_path: Path,
) -> None:
    words: dict[str, Any] = WORDS[prefix]
    page = open_context(java_script_enabled=False, accept_downloads=True).new_page()
    enter(app, page, site, runtime, reader)
    page.goto(f"{site}{prefix}/my/history")
    page.get_by_role("link", name=re.compile(re.escape(words["wrong"]))).first.click()
    page.get_by_label(words["topic"], exact=True).check()
    page.get_by_role("button", name=words["send"]).click()
    expect(page.get_by_role("heading", name=words["thanks"])).to_be_visible()
    assert [one.count for one in town.all(WrongTopic)] == [1]

    page.goto(f"{site}{prefix}/my/history")
    page.get_by_role("link", name=words["data"], exact=True).click()
    for name in ("html", "json"):
        with page.expect_download() as download:
            page.get_by_role("link", name=words[name]).click()
        download.value.save_as(tmp_path / name)
    data = json.loads((tmp_path / "json").read_text(encoding="utf-8"))
    assert {one["address"] for one in data["addresses"]} == {ADDRESS, "ayse@example.com"}
    assert NotificationKind.NEW in {one["kind"] for one in data["deliveries"]}

    page.get_by_role("link", name=words["erase"]).click()
    expect(page.get_by_text(ADDRESS)).to_be_visible()
    page.get_by_role("button", name=words["yes"]).click()
    expect(page.get_by_role("heading", name=words["erased"])).to_be_visible()
    assert {one.address for one in town.all(Destination)} == {""}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_that_is_downloaded_reads_well_without_a_network(
    app: APIFlask,
    site: str,
    runtime: Runtime,
    open_context: OpenContext,
    reader: int,
    scheme: str,
    tmp_path: Path,
) -> None:
    look = Look("", scheme, 320)
    page = look.open(open_context)
    enter(app, page, site, runtime, reader)
    file = tmp_path / "data.html"
    file.write_bytes(page.context.request.get(f"{site}/my/data.html").body())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())

    assert inspect(page, look, "my-data-export") == []
    assert asked == [file.as_uri()]
