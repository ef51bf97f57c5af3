"""Letters, notices, brand, jobs and the log of acts, each page in its states and looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import chain

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from service import acts
from service.acts import Actor
from service.db import utcnow
from service.jobs import queue
from service.messages.publishing import publish
from service.models import JobState, Staff, Via
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OpenContext = Callable[..., BrowserContext]
ADMINISTRATOR = "admin@tellal.example"
FILE = "why.txt"
TEXT = "Bunu {{ date }} günü istediniz: {{ topic }}.\n"


@pytest.fixture
def office(app: APIFlask, runtime: Runtime) -> None:
    """A template with two versions, jobs in three states, and the acts that this leaves."""
    staff.add(app, runtime, ADMINISTRATOR)
    with runtime.db.write() as session:
        who = session.scalars(select(Staff.id)).one()
        for text in (TEXT, TEXT + "{{ place }}\n"):
            publish(
                session,
                runtime.settings,
                runtime.vault,
                FILE,
                text,
                base=None,
                reason="Daha kısa, daha açık",
                staff_id=who,
                now=utcnow(),
            )
        jobs = [queue.start(session, kind, who) for kind in ("import", "what_if", "resend")]
        for job, state in zip(
            jobs, (JobState.DONE, JobState.RUNNING, JobState.FAILED), strict=True
        ):
            job.state, job.done, job.total = state, 60, 100
            job.started_at = utcnow() - timedelta(minutes=1)
            job.due_at = utcnow() + timedelta(hours=1)
            job.result = {"rows_read": 60, "errors": ["satır 3"]}
            job.ended_at = None if state == JobState.RUNNING else utcnow()
        jobs[2].error = "The file has no column of addresses; send it again with one."
        queue.keep_file(runtime, session, jobs[0].id, "errors.csv", "text/csv", "x")
    with runtime.db.write() as session:
        actor = Actor(who, Via.PAGE, "01HZX3J5Q8")
        detail = {"before": {"state": "live"}, "after": {"state": "paused"}, "reason": "Bakım"}
        acts.record(session, runtime.vault, actor, "channel.pause", 3, **detail)


TEXT_PAGES = {
    "staff letters": "/letters",
    "staff template": f"/letters/file?name={FILE}",
    "staff template as shipped": "/letters/file?name=article.html",
    "staff template version": "/letters/versions/1",
    "staff template version in use": "/letters/versions/2",
    "staff notices": "/notices",
    "staff notice not found": "/notices?hash=00",
    "staff notice": "/notices/1",
    "staff new notice": "/notices/new?kind=notice",
}
OFFICE_PAGES = {
    "staff brand": "/brand",
    "staff brand tried": "/brand?brand=%23ffd400&accent=%23a8480a",
    "staff jobs": "/jobs",
    "staff job done": "/jobs/1",
    "staff job running": "/jobs/2",
    "staff job failed": "/jobs/3",
    "staff log": "/audit",
    "staff log with nothing found": "/audit?act=none",
}


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_letters_and_notices_are_right_in_every_state(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    base = _enter(page, site + walk.prefix, runtime)
    states = chain(_visits(page, base, TEXT_PAGES), _text_states(page, base))
    problems = {state: inspect(page, walk, state) for state in states}
    assert list(chain.from_iterable(problems.values())) == []
    assert len(problems) == 14


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_brand_jobs_and_log_are_right_in_every_state(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context)
    base = _enter(page, site + walk.prefix, runtime)
    states = chain(_visits(page, base, OFFICE_PAGES), _office_states(page))
    problems = {state: inspect(page, walk, state) for state in states}
    assert list(chain.from_iterable(problems.values())) == []
    assert len(problems) == 9


def _visits(page: Page, base: str, paths: dict[str, str]) -> Iterator[str]:
    for name, path in paths.items():
        page.goto(base + path)
        yield name


def _office_states(page: Page) -> Iterator[str]:
    page.goto(page.url.partition("?")[0])
    page.click("summary")
    page.fill("#address", "no address")
    _press(page, "form[action$='/address'] button")
    yield "staff log with a problem"


def _text_states(page: Page, base: str) -> Iterator[str]:
    """A draft that is seen and one that breaks; a notice compared, and not confirmed."""
    page.goto(f"{base}/letters/file?name={FILE}")
    page.fill("#text", TEXT.replace("istediniz", "seçtiniz"))
    _press(page, "form.wide button")
    yield "staff template draft"
    page.select_option("#scheme", "dark")
    _press(page, ".look-form button")
    _press(page, "form[action$='/publish'] button")
    yield "staff template draft with a problem"
    page.goto(f"{base}/letters/file?name={FILE}")
    page.fill("#text", "{{ nobody }}")
    _press(page, "form.wide button")
    yield "staff template draft that breaks"
    page.goto(base + "/notices/new?kind=consent")
    page.fill("#tr", "Haber almayı kabul ediyorum.")
    _press(page, "form.wide button")
    yield "staff notice compared"
    _press(page, "form[action*='/publish'] button")
    yield "staff notice not confirmed"


@pytest.mark.parametrize("walk", WALKS, ids=str)
@pytest.mark.usefixtures("office")
def test_a_template_is_changed_and_taken_back_without_javascript(
    site: str, runtime: Runtime, open_context: OpenContext, walk: Walk
) -> None:
    page = walk.open(open_context, java_script_enabled=False)
    base = _enter(page, site + walk.prefix, runtime) + "/letters"
    page.goto(f"{base}/file?name=why.html")
    page.fill("#text", "<p>Yeni: {{ topic }}, {{ date }}</p>")
    _press(page, "form.wide button")
    frame = page.frame_locator("iframe")
    assert "Yeni: Ulaşım" in frame.locator("body").inner_text()
    page.fill("#reason", "Deneme")
    _press(page, "form[action$='/publish'] button")
    page.fill("#reason", "Geri")
    _press(page, "form[action*='/reset'] button")
    assert page.locator("tbody tr").count() == 2


def _enter(page: Page, base: str, runtime: Runtime) -> str:
    """Sign in; returns what the addresses of the staff's pages begin with."""
    staff.sign_in(page, base, runtime, ADMINISTRATOR)
    return base + "/staff"


def _press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.click(selector)
