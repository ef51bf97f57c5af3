"""What staff do to one article by page and by API: asked, confirmed, in scope, not by mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from service.db import utcnow
from service.models import (
    Article,
    AuditEntry,
    Halt,
    Job,
    NotificationState,
    Staff,
    StaffTopic,
)
from service.pages import runtime_of
from service.runtime import Runtime
from tests.integration.admin.examples import articles as made

SURE = {"reason": "Yanlış haber", "confirm": "1"}


def acts(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        return [entry.act for entry in entries if entry.act != "staff.sign-in"]


def test_each_act_shows_what_it_would_do_before_it_is_done(
    signed_in: Callable[[str], Any], runtime: Runtime
) -> None:
    made.held(runtime)
    editor = signed_in("editor")
    for name, (_, _, _) in made.ACTS.items():
        page = editor.get(f"/en/staff/articles/1/{name}")
        assert page.status_code == 200, name
        assert "<script" not in page.text
    assert "After their quiet hours" in editor.get("/en/staff/articles/1/release").text
    assert acts(runtime) == []


def test_without_a_reason_or_the_number_nothing_happens(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any
) -> None:
    made.held(runtime)
    editor, path = signed_in("editor"), "/en/staff/articles/1/release"
    wrong: list[tuple[dict[str, str], int, str]] = [
        ({}, 422, "Write a reason"),
        ({"reason": "  \t "}, 422, "Write a reason"),
        ({"reason": "Acele"}, 422, "Type the number of the article, 1"),
        ({"reason": "Acele", "confirm": "2"}, 409, "Type the number of the article, 1"),
    ]
    for answers, status, text in wrong:
        page = editor.post(path, **answers)
        assert (page.status_code, text in page.text) == (status, True), page.text
    assert "Choose how long" in editor.post("/en/staff/articles/1/hold", reason="x").text
    assert town.news()[0].state == NotificationState.HELD
    assert acts(runtime) == []


def test_holding_and_releasing(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any, work: Callable[[], None]
) -> None:
    made.held(runtime)
    editor = signed_in("editor")
    page = editor.post("/en/staff/articles/1/hold", reason="Bekle", minutes="240")
    assert page.location == "/en/staff/articles/1?done=held"
    assert town.news()[0].release_at > utcnow() + timedelta(minutes=239)
    work()
    assert town.mails() == {}

    assert editor.post("/staff/articles/1/release", **SURE).status_code == 302
    work()
    assert town.mails().total() == 1
    again = editor.post("/en/staff/articles/1/release", **SURE)
    assert (again.status_code, "It is not held any more" in again.text) == (409, True)
    assert acts(runtime) == ["article.hold", "article.release"]


def test_released_by_hand_it_does_not_wait_for_a_topic(
    signed_in: Callable[[str], Any], town: Any, work: Callable[[], None]
) -> None:
    town.reader(None)
    town.reader()
    article = town.article(())
    town.notification(article, state=NotificationState.HELD)
    work()
    assert town.mails().total() == 0
    signed_in("editor").post(f"/staff/articles/{article}/release", reason="x", confirm=str(article))
    work()
    assert town.mails().total() == 1, "those who asked for everything, nobody else"


def test_a_pause_of_one_article_is_shown_and_ends(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any
) -> None:
    made.planned(runtime)
    editor = signed_in("editor")
    editor.post("/staff/articles/1/pause", reason="Bakıyoruz")
    assert "Bakıyoruz" in editor.get("/staff/articles/1").text
    twice = editor.post("/en/staff/articles/1/pause", reason="x")
    assert (twice.status_code, "It is paused already." in twice.text) == (409, True)
    assert len(town.all(Halt)) == 1
    editor.post("/staff/articles/1/resume", reason="Tamam")
    assert town.all(Halt)[0].ended_at is not None
    assert acts(runtime) == ["deliveries.pause", "deliveries.resume"]


@pytest.mark.parametrize(("needed", "breaks"), [(1, True), (2, False)])
def test_how_many_must_approve_is_a_setting(
    app: APIFlask,
    signed_in: Callable[[str], Any],
    runtime: Runtime,
    town: Any,
    needed: int,
    breaks: bool,
) -> None:
    settings = runtime.settings.model_copy(update={"urgent_approvals": needed})
    object.__setattr__(runtime_of(app), "settings", settings)
    made.urgent(runtime)
    editor = signed_in("editor")
    editor.post("/staff/articles/1/approve", **SURE)
    assert (town.news()[0].breaks_at is not None) == breaks
    assert f"1 of {needed}" in editor.get("/en/staff/articles/1").text
    again = editor.post("/en/staff/articles/1/approve", **SURE)
    assert "You approved it already" in again.text
    signed_in("administrator").post("/staff/articles/1/approve", **SURE)
    assert town.news()[0].breaks_at is not None


def limit(runtime: Runtime, email: str, topic_id: int) -> None:
    with runtime.db.write() as session:
        staff = session.scalars(select(Staff).where(Staff.email == email)).one()
        session.add(StaffTopic(staff_id=staff.id, topic_id=topic_id))


@pytest.mark.parametrize(("topic", "allowed"), [("iklim-cevre", True), ("spor", False)])
def test_who_decides_about_some_topics_acts_on_those_articles_alone(
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    accounts: dict[str, str],
    runtime: Runtime,
    town: Any,
    topic: str,
    allowed: bool,
) -> None:
    made.held(runtime)
    limit(runtime, accounts["editor"], town.topic(topic))
    page = signed_in("editor").post("/en/staff/articles/1/hold", reason="x", minutes="30")
    assert page.status_code == (302 if allowed else 409)
    assert allowed or "none of the topics that you decide about" in page.text
    body = {"reason": "x", "minutes": 30}
    answer = program("editor").send("/v1/admin/articles/1/hold", body, If_Match="*")
    assert answer.status_code == (200 if allowed else 403)
    assert acts(runtime) == ["article.hold"] * (2 if allowed else 0)


def test_a_program_that_saw_an_older_version_changes_nothing(
    program: Callable[..., Any], runtime: Runtime, town: Any
) -> None:
    made.held(runtime)
    key, path = program("editor"), "/v1/admin/articles/1"
    seen = key.get(path)
    hold, body = f"{path}/hold", {"reason": "x", "minutes": 30}
    assert key.send(hold, body).status_code == 428
    first = key.send(hold, body, If_Match=seen.headers["ETag"])
    assert (first.status_code, first.json["done"]) == (200, "held")
    stale = key.send(f"{path}/release", SURE, If_Match=seen.headers["ETag"])
    assert stale.status_code == 412
    assert town.news()[0].state == NotificationState.HELD
    fresh = key.get(path).headers["ETag"]
    done = key.send(f"{path}/release", SURE, If_Match=fresh)
    assert done.json["article"]["notifications"][0]["state"] == "released"
    again = key.send(f"{path}/release", SURE, If_Match="*")
    assert (again.status_code, "not held" in again.json["detail"]) == (409, True)
    assert (
        key.send("/v1/admin/articles/9/release", {**SURE, "confirm": 9}, If_Match="*").status_code
        == 404
    )
    assert key.send(f"{path}/release", {"reason": "x"}, If_Match="*").status_code == 422


def test_a_resend_by_page_starts_a_job_and_names_those_in_doubt(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any, work: Callable[[], None]
) -> None:
    made.planned(runtime)
    work()
    late = town.reader()
    editor = signed_in("editor")
    page = editor.get("/en/staff/articles/1/resend").text
    assert "Some may get a second copy" in page
    assert "Never planned" in page

    editor.post("/staff/articles/1/resend", **SURE, unknown="1")
    work()

    (job,) = town.all(Job)
    assert (job.state, job.total, job.done) == ("done", 1, 1)
    assert set(town.mails().values()) == {1}
    assert late in town.states(town.news()[0].id)
    with runtime.db.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "deliveries.resend-missing")
        ).one()
    assert entry.detail == {"unknown": True, "reason": SURE["reason"]}


def test_a_withdrawn_article_comes_back(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any
) -> None:
    made.planned(runtime)
    editor = signed_in("editor")
    done = editor.post("/en/staff/articles/1/withdraw", **SURE, tell="1", note="Yanlıştı")
    assert editor.get(done.location).status_code == 200
    assert town.get(Article, 1).state == "withdrawn"
    shown = editor.get("/en/staff/articles/1").text
    assert "Publish again" in shown
    assert "/articles/1/pause" not in shown
    editor.post("/staff/articles/1/republish", **SURE)
    assert town.get(Article, 1).state == "published"
    assert acts(runtime) == ["article.withdraw", "article.republish"]


def test_what_is_classified_is_not_classified_again(
    signed_in: Callable[[str], Any], runtime: Runtime, town: Any
) -> None:
    made.planned(runtime)
    page = signed_in("editor").post("/en/staff/articles/1/reclassify", reason="x")
    assert (page.status_code, "was classified" in page.text) == (409, True)
    assert acts(runtime) == []
