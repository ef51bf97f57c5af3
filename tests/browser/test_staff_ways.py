"""Sources and channels as staff see them, in every state and look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import update
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ingest.managing.sources import store
from service.ingest.pulling import setting
from service.ledger.channel_pause import pause_itself
from service.models import (
    ChannelTest,
    Delivery,
    DeliveryState,
    InboxEvent,
    PullKind,
    Source,
    Verdict,
)
from service.runtime import Runtime
from service.subscriptions.channel_swap import offer
from service.subscriptions.channels import add_channel
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
EMAIL = "admin@tellal.example"
HOST = "www.uzun-adresli-ornek-belediyesi.bel.tr"
ARTICLE = (
    '{"id": "1", "state": "published", "title": "İklim eylem planı kabul edildi", '
    f'"url": "https://{HOST}/haber/1", "body_text": "Sera gazı Konak’ta azalacak."}}'
)


@pytest.fixture
def ways(app: APIFlask, runtime: Runtime) -> None:
    """Two sources, one of them with events of every kind and a pull; a channel."""
    staff.add(app, runtime, EMAIL)
    with app.app_context(), runtime.db.write() as session:
        store(session, runtime.vault, "belediye-haber-sitesi", hosts=[HOST])
        store(session, runtime.vault, "spor", preset="strapi", scheme="bearer", is_paused=True)
        source = session.query(Source).filter_by(slug="belediye-haber-sitesi").one()
        source.last_matched, source.previous_until = "previous", utcnow() + timedelta(days=3)
        url = f"https://{HOST}/rss"
        setting.configure(session, source.id, PullKind.FEED, url, {}, utcnow())
        for number, verdict in enumerate(Verdict):
            event = InboxEvent(
                source_id=source.id,
                delivery_key=f"msg_{number}_" + "x" * 60,
                body_hash="h",
                sealed_body=runtime.vault.encrypt(ARTICLE),
                headers={"content-type": "application/json", "x-event": "y" * 80},
                verdict=verdict,
                reason="title: is missing" if verdict == Verdict.FAILED else "",
                request_id="0123456789abcdef",
            )
            session.add(event)
        add_channel(
            session,
            runtime.vault,
            runtime.settings,
            name="Ulaşım odası",
            url="json://127.0.0.1:9/room",
            topic_slugs=["ulasim"],
            place_slugs=["konak"],
            public_url="https://t.me/ornek",
        )
        _broken(session, runtime)


def _broken(session: Session, runtime: Runtime) -> None:
    """A channel that paused itself, missed an article, and has a new address that was tested."""
    held = (session, runtime.vault, runtime.settings)
    options = {"frequency": "weekly", "quiet_from": "22:00", "quiet_until": "08:00"}
    row = add_channel(
        *held, name="Haber odası", url="json://127.0.0.1:9/old", topic_slugs=[], **options
    )
    said = "the service answered 404: channel_not_found"
    pause_itself(session, row.id, row.sealed_url, said, utcnow())
    session.refresh(row)
    batch = offer(*held, None, row, "json://127.0.0.1:9/new", "")
    test = session.get_one(ChannelTest, batch.notification_id)
    test.code, test.said, test.message_id, test.took_ms = "200", '{"ok": true}', "1712.44", 182
    session.execute(update(Delivery).values(state=DeliveryState.SENT, settled_at=utcnow()))


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_state(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, runtime, EMAIL)
    problems = []
    for state in _states(page, f"{site}{walk.prefix}/staff"):
        problems += inspect(page, walk, state)
    assert problems == []


def _states(page: Page, base: str) -> Iterator[str]:
    for name, path in (
        ("staff sources", "/sources"),
        ("staff source", "/sources/1"),
        ("staff source paused", "/sources/2"),
        ("staff source edit", "/sources/1/edit"),
        ("staff source pull", "/sources/1/pull"),
        ("staff source without pull", "/sources/2/pull"),
        ("staff source events", "/sources/1/events"),
        ("staff source events none", "/sources/2/events?verdict=failed"),
        ("staff source event", "/sources/1/events/1"),
        ("staff channel edit", "/channels/1/edit"),
        ("staff channel that paused itself", "/channels/2"),
        ("staff channel with a new address", "/channels/2/address"),
    ):
        page.goto(base + path)
        yield name
    yield from _acts(page, base)


def _acts(page: Page, base: str) -> Iterator[str]:
    page.goto(f"{base}/sources/1/events/1")
    _press(page)
    assert "Sera gazı" in page.inner_text(".payload")
    yield "staff source event opened"
    page.goto(f"{base}/sources/new")
    page.fill("#hosts", "https://x")
    _press(page)
    yield "staff new source with problems"
    page.fill("#hosts", HOST)
    page.fill("#slug", "yeni")
    page.check("#preset-ghost")
    _press(page)
    yield "staff source secret"
    page.goto(f"{base}/sources/1/rotate")
    page.fill("#secret", "short")
    _press(page)
    yield "staff source rotate with a problem"
    page.goto(f"{base}/sources/1/try")
    page.fill("#headers", "x")
    _press(page)
    yield "staff source try with a problem"
    page.fill("#headers", "")
    page.fill("#body", ARTICLE)
    _press(page)
    yield "staff source tried"
    page.fill("#body", '{"id": "1", "title": 5}')
    _press(page)
    yield "staff source tried with errors"
    page.goto(f"{base}/channels/1/edit")
    page.check("#frequency-daily")
    page.check("#urgent_only")
    _press(page)
    yield "staff channel edit with a problem"
    page.goto(f"{base}/channels/1/address")
    page.fill("#url", "json://10.0.0.1/x")
    _press(page)
    yield "staff channel address with a problem"
    page.goto(f"{base}/channels/1/remove")
    _press(page)
    yield "staff channel remove with a problem"


def _press(page: Page) -> None:
    """Press the last button of the page's own, and wait for what it leads to."""
    with page.expect_navigation():
        page.locator("main button[type=submit]").last.click()
