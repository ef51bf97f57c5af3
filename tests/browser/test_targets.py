"""A person's chats in a real browser: every page in every look, and the way without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from apiflask import APIFlask
from flask import session as flask_session
from playwright.sync_api import BrowserContext, Page, expect
from pydantic import SecretStr
from sqlalchemy import select

from service.citizen.signed_in import sign_in
from service.db import utcnow
from service.models import (
    ChatClaim,
    ChatTarget,
    Destination,
    DestinationKind,
    Subscriber,
    Subscription,
    TargetEnd,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.chat_addresses import ntfy_address
from service.subscriptions.target_claims import (
    Asked,
    claim_chat,
    claim_telegram,
    code_of,
    prove,
)
from service.subscriptions.targets import stop_target
from tests.browser.checks import WALKS, Walk, inspect

OpenContext = Callable[..., BrowserContext]
SERVER = "haber-sunucusu.uzun-adli-belediye.example.org"

WORDS: dict[str, dict[str, str]] = {
    "": {
        "send": "Kodu gönder",
        "add": "Bu sohbeti ekle",
        "problem": "Bir sorun var",
        "added": "Sohbet eklendi",
        "stop": "Durdur",
        "stopped": "Durduruldu",
    },
    "/en": {
        "send": "Send the code",
        "add": "Add this chat",
        "problem": "There is a problem",
        "added": "The chat has been added",
        "stop": "Stop",
        "stopped": "Nothing is sent there any more",
    },
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "personal_chat": ("ntfy", "matrix", "telegram"),
            "ntfy_hosts": (SERVER,),
            "matrix_homeserver": "matrix.example.org",
            "matrix_user": "@haber:example.org",
            "matrix_token": SecretStr("syt_x"),
            "matrix_hosts": ("example.org", "matrix.org"),
            "telegram_bot": "TellalTestBot",
            "telegram_token": SecretStr("123456789:AAEabcdefghijklmnopqrstuvwxyz012345"),
        }
    )


@pytest.fixture
def person(runtime: Runtime) -> Destination:
    """Somebody who gets two topics by email."""
    with runtime.db.write() as session:
        subscriber = Subscriber(language="tr")
        session.add(subscriber)
        session.flush()
        destination = Destination(
            kind=DestinationKind.EMAIL,
            subscriber_id=subscriber.id,
            address="ayse@example.com",
            address_hash="a" * 64,
            lane="other",
            verified_at=utcnow(),
        )
        session.add(destination)
        session.flush()
        session.add_all(
            Subscription(destination_id=destination.id, topic_id=topic, place_id=place)
            for topic, place in ((1, None), (2, 3))
        )
    return destination


@pytest.fixture
def signed_in(app: APIFlask, site: str, person: Destination) -> list[Any]:
    """The cookie that a sign-in link leaves in a browser."""
    with app.test_request_context():
        sign_in(person)
        kept = dict(flask_session)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    value = serializer.dumps(kept)
    return [{"name": "session", "value": value, "url": site}]


def _subscriber(person: Destination) -> int:
    assert person.subscriber_id is not None
    return person.subscriber_id


def _chat(runtime: Runtime, person: Destination, topic: str, *, is_gone: bool = False) -> None:
    asked = Asked(_subscriber(person), "tr", "r")
    address = ntfy_address(runtime.settings.chat_offer, SERVER, topic)
    with runtime.db.write() as session:
        claim, _ = claim_chat(session, runtime.vault, asked, address)
        code = code_of(runtime.vault, claim)
        held = runtime.vault, runtime.settings
        prove(session, *held, claim.id, asked.subscriber_id, code, "r")
        if is_gone and claim.destination_id is not None:
            stop_target(session, claim.destination_id, TargetEnd.GONE)


def _states(page: Page, base: str, runtime: Runtime, person: Destination) -> Iterator[str]:
    """Bring the page into each state, one after another, and name it."""
    send = "main form button[type=submit]"
    page.goto(f"{base}/my/targets")
    yield "targets none"
    for kind in ("ntfy", "matrix", "telegram"):
        page.goto(f"{base}/my/targets/add/{kind}")
        yield f"targets add {kind}"
        _press(page, send)
        yield f"targets add {kind} with problems"
    page.goto(f"{base}/my/targets/add/ntfy")
    page.fill("#room", "ayse-kullanicisinin-gizli-konusu-4711")
    page.check("#consent")
    _press(page, send)
    yield "targets code"
    page.fill("#code", "12")
    _press(page, send)
    yield "targets code with a problem"
    with runtime.db.write() as session:
        claim_id = claim_telegram(session, Asked(_subscriber(person), "tr", "r")).id
    page.goto(f"{base}/my/targets/prove/{claim_id}?again=1")
    yield "targets telegram"
    page.goto(f"{base}/my/targets/prove/999")
    yield "targets code over"
    _chat(runtime, person, "ayse-4711")
    _chat(runtime, person, "ayse-4712", is_gone=True)
    page.goto(f"{base}/my/targets?done=added")
    yield "targets two"


def _press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.click(selector)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_look(
    site: str,
    runtime: Runtime,
    person: Destination,
    signed_in: list[Any],
    open_context: OpenContext,
    walk: Walk,
) -> None:
    page = walk.open(open_context)
    page.context.add_cookies(signed_in)

    found = [
        problem
        for state in _states(page, site + walk.prefix, runtime, person)
        for problem in inspect(page, walk, state)
    ]

    assert found == []


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_adding_and_stopping_without_javascript(
    site: str,
    runtime: Runtime,
    signed_in: list[Any],
    open_context: OpenContext,
    prefix: str,
) -> None:
    words = WORDS[prefix]
    context = open_context(java_script_enabled=False)
    context.add_cookies(signed_in)
    page = context.new_page()
    page.goto(f"{site}{prefix}/my/targets")
    page.get_by_role("link", name=SERVER).click()
    page.get_by_role("button", name=words["send"]).click()
    expect(page.get_by_role("heading", name=words["problem"])).to_be_visible()
    page.locator(".problem-summary a").first.click()
    expect(page.locator("#room")).to_be_focused()
    page.keyboard.type("ayse-4711")
    page.locator("#consent").check()
    page.locator("#room").press("Enter")
    expect(page.locator("#code")).to_be_visible()
    with runtime.db.read() as session:
        code = code_of(runtime.vault, session.scalars(select(ChatClaim)).one())
    page.locator("#code").fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name=words["add"]).click()
    expect(page.get_by_text(words["added"])).to_be_visible()
    assert urlsplit(page.url).path == f"{prefix}/my/targets"
    page.get_by_role("button", name=words["stop"], exact=True).click()
    expect(page.get_by_text(words["stopped"])).to_be_visible()
    with runtime.db.read() as session:
        assert session.scalars(select(ChatTarget)).one().end_reason == TargetEnd.PERSON


def test_where_nothing_is_on_the_page_says_so(
    site: str,
    app: APIFlask,
    signed_in: list[Any],
    open_context: OpenContext,
) -> None:
    held = app.extensions["tellal"]
    off = held.settings.model_copy(update={"personal_chat": ()})
    object.__setattr__(held, "settings", off)
    walk = WALKS[0]
    page = walk.open(open_context)
    page.context.add_cookies(signed_in)

    page.goto(f"{site}/my/targets")

    expect(page.get_by_text("kişisel sohbetlere haber göndermiyor")).to_be_visible()
    assert inspect(page, walk, "targets off") == []
