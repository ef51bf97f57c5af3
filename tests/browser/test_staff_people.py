"""Subscribers, imports, suppressions and bounces as the privacy officer sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from service.db import utcnow
from service.jobs import running
from service.ledger.alarms import raise_alarm
from service.models import AlarmKind, Bounce, Consent, Destination, Job
from service.runtime import Runtime
from service.subscriptions.importing import import_subscribers
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
OFFICER = "officer@tellal.example"
ADDRESS = "cok.uzun.bir.adres.ornegi@alt-alan-adi.ornek-belediye.example.com"
HEADER = "address,topics,places,frequency,language\n"


@pytest.fixture
def town(app: APIFlask, runtime: Runtime, tmp_path: Path) -> Path:
    """Somebody to find, something that came back, and two lists: one good, one wrong."""
    lines = [HEADER, f"{ADDRESS},iklim-cevre;spor,konak,daily,tr\n"]
    import_subscribers(runtime.db, runtime.vault, lines, consent_origin="Form", now=utcnow())
    staff.add(app, runtime, OFFICER, "privacy-officer")
    with app.app_context(), runtime.db.write() as session:
        destination = session.scalars(select(Destination)).one()
        assert session.scalars(select(Consent)).one()
        for number, verdict in enumerate(("hard", "soft", "ours", "complaint")):
            session.add(
                Bounce(
                    notification_id=number,
                    destination_id=destination.id,
                    verdict=verdict,
                    status="5.7.26" if verdict == "ours" else "4.2.2",
                    detail="this mail has been refused because of a rather long policy text",
                    lane="other",
                    domain="alt-alan-adi.ornek-belediye.example.com",
                )
            )
        text = "example.org says that our mail is at fault (5.7.26), to 3 readers"
        raise_alarm(session, AlarmKind.MAIL_REFUSED, 1, text, utcnow())
    people = "".join(f"kisi{number}@example.org,spor,,weekly,tr\n" for number in range(3))
    (tmp_path / "good.csv").write_text(HEADER + people, encoding="utf-8")
    (tmp_path / "bad.csv").write_text(HEADER + "ali at example.org,yok,,hep,de\n" * 3, "utf-8")
    return tmp_path


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_state(
    site: str, town: Path, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    problems, seen = [], 0
    for state in _states(page, site + walk.prefix, town, runtime):
        seen += 1
        problems += inspect(page, walk, f"staff people {state}")
    assert problems == []
    assert seen == 20


def _states(page: Page, base: str, town: Path, runtime: Runtime) -> Iterator[str]:
    """Bring the page into each state, one after another, and name it."""
    staff.sign_in(page, base, runtime, OFFICER)
    for part in ("suppressions", "imports"):
        page.goto(f"{base}/staff/{part}")
        yield f"{part} empty"
    page.goto(f"{base}/staff/bounces")
    yield "bounces"
    page.goto(f"{base}/staff/bounces?domain=nobody.example")
    yield "bounces of a domain without any"
    yield from _person(page, base)
    yield from _import(page, base, town, runtime)
    yield from _suppression(page, base)


def _person(page: Page, base: str) -> Iterator[str]:
    page.goto(f"{base}/staff/subscribers")
    yield "search"
    _press(page, ".staff-page form button")
    yield "search with a problem"
    page.fill("#email", "nobody@example.org")
    _press(page, ".staff-page form button")
    yield "nobody"
    page.fill("#email", ADDRESS)
    _press(page, ".staff-page form button")
    yield "person"
    _press(page, "form[action$='/erase'] button")
    yield "person with problems"
    page.goto(f"{base}/staff/subscribers/person?key=x")
    yield "over"
    page.goto(f"{base}/staff/subscribers/gone")
    yield "gone"


def _import(page: Page, base: str, town: Path, runtime: Runtime) -> Iterator[str]:
    page.goto(f"{base}/staff/imports/new")
    yield "import new"
    _press(page, ".staff-page form button")
    yield "import new with problems"
    _upload(page, base, town / "bad.csv")
    yield "import being checked"
    _work(runtime)
    page.reload()
    yield "import refused"
    _upload(page, base, town / "good.csv")
    _work(runtime)
    page.reload()
    yield "import checked"
    page.fill("#rows", "3")
    _press(page, "form[action$='/store'] button")
    _work(runtime)
    page.reload()
    yield "import stored"
    _press(page, "form[action$='/undo'] button")
    yield "import undo with problems"
    page.goto(f"{base}/staff/imports")
    yield "imports"


def _suppression(page: Page, base: str) -> Iterator[str]:
    page.goto(f"{base}/staff/suppressions")
    page.fill("#act-email", ADDRESS)
    page.fill("#reason", "Telefonda istedi")
    _press(page, "form[action$='/add'] button")
    page.fill("#email", ADDRESS)
    _press(page, "form[action$='/suppressions'] button")
    yield "suppression"


def _upload(page: Page, base: str, path: Path) -> None:
    page.goto(f"{base}/staff/imports/new")
    page.set_input_files("#file", path)
    page.fill("#origin", "2024 bülten formu")
    page.fill("#evidence", "Dosya 17/204")
    _press(page, ".staff-page form button")


def _work(runtime: Runtime) -> None:
    """What the workers do."""
    with runtime.db.read() as session:
        waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
    for job_id in waiting:
        running.run(runtime, job_id)


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)
