"""Pages of staff, of developers and of links in mails, each in every state and look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.halts import pause
from service.ledger.publish import stamp_feeds
from service.models import (
    Article,
    ArticleState,
    ChannelTest,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    HaltScope,
    LabelOrigin,
    LabelState,
    MailboxMessage,
    Notification,
    NotificationKind,
    NotificationState,
    OneTimeToken,
    PlaceLabel,
    Revision,
    RevisionState,
    Source,
    Subscription,
    TopicLabel,
)
from service.runtime import Runtime
from service.subscriptions.channels import add_channel, destination_of
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask, confirm
from service.subscriptions.unsubscribe import end_by_token
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
ADMINISTRATOR = "admin@tellal.example"
TITLE = "Karşıyaka’da tramvay seferleri bu hafta sonu bakım nedeniyle kısaltılıyor"
BODY = (
    "Tramvay seferleri Karşıyaka’da cumartesi gününden başlayarak kısaltılacak.\n\nYolcular bekler."
)
LONG_ADDRESS = "cok.uzun.bir.adres.ornegi.olarak.yazilmis@alt-alan-adi.ornek-belediye.example.com"
MAIL = (
    "Subject: =?utf-8?q?Aboneli=C4=9Finizi_onaylay=C4=B1n?=\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhttps://city.example/confirm/abc\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    '<html lang="tr"><title>Onay</title><body><main><h1>Onay</h1></main></body></html>\r\n--b--\r\n'
)


@pytest.fixture
def paths(app: APIFlask, runtime: Runtime) -> dict[str, str]:
    """A city with a little of everything, and every page that shows it."""
    staff.add(app, runtime, ADMINISTRATOR)
    with runtime.db.write() as session:
        article_id = _article(session)
        channel_id = _channels(session, runtime)
        session.add(
            MailboxMessage(
                message_id="1", recipient=LONG_ADDRESS, subject="Onaylayın", raw=MAIL.encode()
            )
        )
        links = _links(session, runtime)
    pages = {
        "developers": "/docs",
        "check email": "/check-email",
        "signed out": "/signed-out",
        "mailbox": "/dev/mailbox",
        "mailbox message": "/dev/mailbox/1",
        "staff today": "/staff/",
        "staff articles": "/staff/articles",
        "staff article": f"/staff/articles/{article_id}",
        "staff channels": "/staff/channels",
        "staff new channel": "/staff/channels/new",
        "staff channel": f"/staff/channels/{channel_id}",
        "staff channel paused": f"/staff/channels/{channel_id + 1}",
    }
    return pages | links


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_is_right_in_every_state(
    site: str,
    runtime: Runtime,
    paths: dict[str, str],
    open_context: OpenContext,
    walk: Walk,
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, runtime, paths):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 21


def _states(page: Page, base: str, runtime: Runtime, paths: dict[str, str]) -> Iterator[str]:
    """Bring the page into each state, one after another, and name it."""
    page.goto(base + "/staff/login")
    yield "staff sign in"
    page.fill("#email", ADMINISTRATOR)
    page.fill("#password", "wrong")
    _press(page, "main button[type=submit]")
    yield "staff sign in with a problem"
    page.fill("#password", staff.PASSWORD)
    staff.enter_code(page, runtime, ADMINISTRATOR)
    for name, path in paths.items():
        page.goto(base + path)
        yield name
    page.goto(base + "/staff/channels/new")
    page.fill("#name", "Yeni")
    _press(page, "main button[type=submit]")
    yield "staff new channel with problems"
    page.goto(base + "/staff/channels/1")
    _press(page, "form[action$='/pause'] button")
    yield "staff channel with a problem"


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)


def _article(session: Session) -> int:
    source = Source(slug="izmir", sealed_secret="x")
    session.add(source)
    session.flush()
    article = Article(
        source_id=source.id,
        external_id="1",
        state=ArticleState.PUBLISHED,
        is_urgent=True,
        published_at=utcnow(),
    )
    session.add(article)
    session.flush()
    revision = Revision(
        article_id=article.id,
        content_hash="h",
        state=RevisionState.CLASSIFIED,
        url="https://city.example/" + "uzun-adres-" * 12,
        title=TITLE,
        summary="Bakım üç gün sürecek.",
        body_html="",
        body_text=BODY,
        classified_at=utcnow(),
    )
    session.add(revision)
    session.flush()
    article.revision_id = article.shown_revision_id = revision.id
    found = {"field": "body", "start": 0, "end": 7, "text": "Tramvay", "term": "+tramvay"}
    for topic_id, state in ((2, LabelState.PUBLISHED), (1, LabelState.REVIEW)):
        session.add(
            TopicLabel(
                revision_id=revision.id,
                topic_id=topic_id,
                state=state,
                origin=LabelOrigin.CLASSIFIER,
                score=0.8,
                evidence=[found],
            )
        )
    session.add(PlaceLabel(revision_id=revision.id, place_id=1, origin=LabelOrigin.CLASSIFIER))
    session.flush()
    stamp_feeds(session, article.id, utcnow())
    notification = Notification(
        kind=NotificationKind.NEW,
        state=NotificationState.PLANNED,
        article_id=article.id,
        release_at=utcnow(),
    )
    session.add(notification)
    session.flush()
    session.add(Delivery(notification_id=notification.id, destination_id=1, state=0))
    return article.id


def _channels(session: Session, runtime: Runtime) -> int:
    """Two channels, one of them paused and tested."""
    ids = []
    for name in ("Genel oda", "Ulaşım odası"):
        channel = add_channel(
            session,
            runtime.vault,
            runtime.settings,
            name=name,
            url=f"json://127.0.0.1:9/{len(ids)}",
            topic_slugs=["ulasim", "spor"] if ids else [],
        )
        ids.append(channel.id)
    pause(session, HaltScope.CHANNEL, ids[1], "Bakım var", None, utcnow())
    destination = destination_of(session, ids[1])
    assert destination is not None
    session.add_all(
        [
            ChannelTest(notification_id=500, channel_id=ids[1]),
            Delivery(
                notification_id=500,
                destination_id=destination.id,
                state=DeliveryState.REJECTED,
            ),
            DeliveryAnswer(
                notification_id=500,
                destination_id=destination.id,
                state=DeliveryState.REJECTED,
                code="404",
                detail="no such room",
            ),
        ]
    )
    return ids[0]


def _links(session: Session, runtime: Runtime) -> dict[str, str]:
    """Confirm links that are open, used and expired; unsubscribe links that are live and ended."""
    vault = runtime.vault
    found = {}
    for number, address in enumerate(("open", "used", "late")):
        request = Ask(
            address=f"{address}@example.com",
            choices=Choices(topic_ids=(1, 2), place_ids=(1, 2)),
            language="tr",
            consent_text="Rıza",
            origin="web",
            request_id="r",
        )
        ask(session, vault, request)
        row = session.scalars(select(OneTimeToken).order_by(OneTimeToken.id.desc())).first()
        assert row is not None
        token = vault.token("confirm", row.id)
        if number == 1:
            confirm(session, vault, token, "r")
        if number == 2:
            row.expires_at = utcnow() - timedelta(days=1)
        found[f"confirm {address}"] = f"/confirm/{token}"
    session.flush()
    person = session.scalars(select(Destination).where(Destination.address.like("used%"))).one()
    rows = session.scalars(
        select(Subscription).where(Subscription.destination_id == person.id)
    ).all()
    tokens = [vault.token("unsubscribe", 1, person.id, row.id) for row in rows[:2]]
    end_by_token(session, vault, tokens[1])
    return found | {"unsubscribe": f"/u/{tokens[0]}", "unsubscribed": f"/u/{tokens[1]}"}
