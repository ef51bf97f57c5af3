"""The pages of what goes on now, each in its main states: calm, in trouble, asked, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import update

from service.db import utcnow
from service.ledger.alarms import raise_alarm
from service.models import (
    AlarmKind,
    Batch,
    Bounce,
    BounceVerdict,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    MailLane,
    NotificationState,
    Revision,
    RevisionState,
)
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect
from tests.integration.admin.examples import now as examples
from tests.integration.town import Town

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
ADMINISTRATOR = "admin@tellal.example"


@pytest.fixture
def administrator(app: APIFlask, runtime: Runtime) -> None:
    staff.add(app, runtime, ADMINISTRATOR)


def _trouble(runtime: Runtime) -> int:
    """A city on a bad day; returns an article that some were told of."""
    examples.text(runtime)  # numbers 1: before anything else
    examples.event(runtime)
    town = Town(runtime)
    town.article(state=RevisionState.RECEIVED)
    town.notification(town.article(), state=NotificationState.HELD)
    readers = town.readers(4)
    town.channel("json://127.0.0.1:1/")
    article = town.article()
    notification = town.planned(article)
    now = utcnow()
    with runtime.db.write() as session:
        for number, state in enumerate((1, 3, 4)):
            told = update(Delivery).where(Delivery.destination_id == readers[number])
            session.execute(told.values(state=state, settled_at=now, attempts=1))
        session.add(
            DeliveryAnswer(
                notification_id=notification,
                destination_id=readers[1],
                state=DeliveryState.REJECTED,
                code="5.1.1",
                detail="The email account that you tried to reach does not exist",
            )
        )
        session.execute(
            update(Revision)
            .where(Revision.state == RevisionState.RECEIVED)
            .values(created_at=now - timedelta(hours=1))
        )
        session.execute(update(Channel).values(is_paused=True, pause_reason="404: no such room"))
        closed = {"closed_until": now + timedelta(minutes=20), "reason": "421 4.7.0 try later"}
        today = {"day": now.date(), "sent": 12_345, "deferred": 67}
        session.add(MailLane(name="gmail", links=4, **closed, **today))
        session.add(MailLane(name="other", links=20, **today))
        session.add(
            Bounce(
                notification_id=notification,
                destination_id=readers[1],
                verdict=BounceVerdict.HARD,
                lane="other",
                domain="ornek-belediye.example.com",
            )
        )
        batch = session.query(Batch.id).order_by(Batch.id).limit(1).scalar()
        said = f"batch {batch} of notification {notification} failed, or killed its worker, 8 times"
        raise_alarm(session, AlarmKind.BATCH_GIVEN_UP, batch, said, now)
        raise_alarm(session, AlarmKind.MAIL_REFUSED, 5, "gmail.com refuses our mail", now)
    return article


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_on_a_calm_day(
    site: str, runtime: Runtime, administrator: None, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, runtime, ADMINISTRATOR)
    problems, seen = [], 0
    for state in _calm(page, site + walk.prefix):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 10


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_on_a_bad_day(
    site: str, runtime: Runtime, administrator: None, open_context: OpenContext, walk: Walk
) -> None:
    article = _trouble(runtime)
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, runtime, ADMINISTRATOR)
    problems, seen = [], 0
    for state in _bad(page, site + walk.prefix, article):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == 12


def _calm(page: Page, base: str) -> Iterator[str]:
    """Bring the page into each state of a city in which all is well, and name it."""
    yield "now today calm"
    for name in ("deliveries", "deliveries/pauses", "dead-letters", "alarms", "domains"):
        page.goto(f"{base}/staff/{name}")
        yield f"now {name} empty"
    page.goto(f"{base}/staff/deliveries/halt")
    yield "now what to pause"
    page.goto(f"{base}/staff/deliveries/halt?scope=topic")
    yield "now which topic to pause"
    page.goto(f"{base}/staff/deliveries/halt?scope=all")
    _press(page, "form[action$='/pause'] button")
    yield "now pause everything with problems"
    page.fill("#reason", "Aktarıcı arızalı")
    word = page.inner_text("label[for=confirm]").partition(": ")[2]
    page.fill("#confirm", word)
    _press(page, "form[action$='/pause'] button")
    yield "now paused"


def _bad(page: Page, base: str, article: int) -> Iterator[str]:
    """The same where much went wrong."""
    yield "now today in trouble"
    page.goto(base + "/staff/alarms")
    yield "now alarms live"
    _press(page, "form[action$='/clear'] button")
    yield "now alarms with a problem"
    for kind in ("batch", "text", "event"):
        page.goto(f"{base}/staff/dead-letters?kind={kind}")
        yield f"now given up {kind}"
    _press(page, "form[action$='/retry-all'] button")
    yield "now given up with a problem"
    page.goto(f"{base}/staff/deliveries?article={article}")
    yield "now deliveries of an article"
    page.goto(f"{base}/staff/deliveries")
    yield "now newest answers"
    page.click("main summary")
    _press(page, "form[action$='/find'] button")
    yield "now search by address with a problem"
    page.goto(f"{base}/staff/domains")
    yield "now domains in trouble"
    _press(page, "form[action$='/check'] button")
    yield "now domains asked"


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.locator(selector).first.click()
