"""Sources in the hands of staff: added, changed, tried, looked into; their secrets shown once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from service.jobs import running
from service.models import AuditEntry, InboxEvent, Job, JobState, Pull, Source, Verdict
from service.runtime import Runtime
from tests.integration.admin.examples.sources import ARTICLE, FEED, one, received

Browser = Any
SignIn = Callable[[str], Browser]
Program = Callable[..., Any]
NEW = "/staff/sources/new"
EDIT = "/staff/sources/1/edit"


@pytest.fixture
def administrator(signed_in: SignIn) -> Browser:
    return signed_in("administrator")


def only(runtime: Runtime) -> Source:
    with runtime.db.read() as session:
        return session.scalars(select(Source)).one()


def version_in(page: Any) -> str:
    found = re.search(r'name="version" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def test_a_new_secret_is_shown_once_with_what_to_paste_where(
    runtime: Runtime, administrator: Browser
) -> None:
    made = administrator.post("/staff/sources", NEW, slug="kent", preset="ghost", hosts="a.example")
    assert made.status_code == 201
    row = only(runtime)
    secret = runtime.vault.decrypt(row.sealed_secret)
    assert f'<p class="copy-field">{secret}</p>' in made.text
    assert "/v1/sources/kent/articles" in made.text
    assert "Add custom integration" in made.text
    assert (row.scheme, row.hosts, row.hold_s) == ("ghost", ["a.example"], 180)
    assert secret not in administrator.get("/staff/sources/1").text


def test_each_wrong_field_is_named(administrator: Browser, runtime: Runtime) -> None:
    wrong = {"slug": "Kent!", "hosts": "https://a", "timezone": "Mars", "hold_s": "9999"}
    answer = administrator.post("/staff/sources", NEW, **wrong)
    assert answer.status_code == 422
    for field in ("slug", "hosts", "timezone", "hold_s"):
        assert f'id="{field}-problem"' in answer.text, field
    assert "CMS’nin türünü seçin." in answer.text
    assert 'href="#preset-' in answer.text
    with runtime.db.read() as session:
        assert session.scalars(select(Source)).all() == []


def test_a_change_says_which_version_it_saw(runtime: Runtime, administrator: Browser) -> None:
    one(runtime)
    seen = version_in(administrator.get(EDIT))
    fields = {"hold_s": "60", "rate_per_minute": "10", "hosts": "b.example\nA.example"}
    done = administrator.post(EDIT, EDIT, version=seen, may_send_urgent="yes", **fields)
    assert (done.status_code, done.location) == (303, "/staff/sources/1")
    row = only(runtime)
    assert (row.hold_s, row.rate_per_minute, row.may_send_urgent) == (60, 10, True)
    assert row.hosts == ["a.example", "b.example"]
    late = administrator.post(EDIT, EDIT, version=seen, **fields)
    assert late.status_code == 422
    assert "biri onu değiştirdi" in late.text
    assert only(runtime).may_send_urgent


def test_a_second_press_gives_no_second_secret(runtime: Runtime, administrator: Browser) -> None:
    one(runtime)
    page = "/staff/sources/1/rotate"
    seen = version_in(administrator.get(page))
    assert administrator.post(page, page, version=seen).status_code == 200
    sealed = only(runtime).sealed_secret
    assert administrator.post(page, page, version=seen).status_code == 422
    assert only(runtime).sealed_secret == sealed
    assert "bir kez" not in administrator.get("/staff/sources/1").text


def test_a_pull_is_set_paused_and_resumed(runtime: Runtime, administrator: Browser) -> None:
    one(runtime)
    page = "/staff/sources/1/pull"
    bad = administrator.post(page, page, kind="html", url="ftp://x", rules='links = "a[["')
    assert bad.status_code == 422
    assert 'id="url-problem"' in bad.text
    rules = 'article_path = "/haber/{number}"'
    assert administrator.post(page, page, kind="html", url=FEED, rules=rules).status_code == 303
    assert "article_path = &#34;/haber/{number}&#34;" in administrator.get(page).text
    administrator.post(f"{page}/act", page, act="pause")
    assert administrator.post(f"{page}/act", page, act="now").status_code == 422
    administrator.post(f"{page}/act", page, act="resume")
    with runtime.db.read() as session:
        row = session.scalars(select(Pull)).one()
    assert (row.state, row.rules) == ("active", {"article_path": "/haber/{number}"})


def test_the_dry_run_takes_what_the_door_takes(runtime: Runtime, administrator: Browser) -> None:
    one(runtime)
    page = "/staff/sources/1/try"
    found = administrator.post(page, page, body=ARTICLE + "\n" * 600_000)
    assert found.status_code == 200
    assert "Yok → Yayımlandı" in found.text
    assert "Bildirim alacak kişi" in found.text
    wrong = administrator.post(page, page, body='{"id": "1", "title": 5}')
    assert "Alanlara göre hatalar" in wrong.text
    unreadable = administrator.post(page, page, body="{", headers="authorization: very-secret\nx")
    assert unreadable.status_code == 422
    assert "very-secret" not in unreadable.text
    large = administrator.post(page, page, body=" " * 1_100_000 + ARTICLE)
    assert large.status_code == 422
    assert "1 MiB" in large.text
    assert administrator.post("/staff/sources", NEW, slug="x" * 300_000).status_code == 413
    with runtime.db.read() as session:
        assert session.scalars(select(InboxEvent)).all() == []


def test_a_program_tries_an_event_with_its_evidence(runtime: Runtime, program: Program) -> None:
    one(runtime)
    body = json.loads(ARTICLE) | {
        "title": "İklim eylem planı kabul edildi",
        "body_text": "Sera gazı",
    }
    said = program().send("/v1/admin/sources/1/try", {"body": json.dumps(body)}).json
    topics = {topic["slug"]: topic for topic in said["articles"][0]["topics"]}
    assert topics["iklim-cevre"]["evidence"][0]["text"]
    refused = program("viewer").send("/v1/admin/sources/1/try", {"body": "{}"})
    assert refused.status_code == 403


def test_events_are_listed_newest_first_and_a_body_is_opened_by_few(
    runtime: Runtime, signed_in: SignIn, program: Program
) -> None:
    received(runtime)
    with runtime.db.write() as session:
        for number in range(2, 31):
            session.add(
                InboxEvent(
                    source_id=1,
                    delivery_key=f"msg_{number}",
                    body_hash="h",
                    verdict=Verdict.IGNORED if number % 2 else Verdict.ACCEPTED,
                    request_id=f"request-{number}",
                )
            )
    viewer, page = signed_in("viewer"), "/staff/sources/1/events"
    first = viewer.get(page).text
    assert first.index("request-30") < first.index("request-29") < first.index("request-6")
    assert "request-5<" not in first
    assert "request-5<" in viewer.get(f"{page}?before=6").text
    assert "request-30" not in viewer.get(f"{page}?verdict=ignored").text
    assert ">14<" in viewer.get("/staff/sources").text
    assert "Yeni park" not in viewer.get(f"{page}/1").text
    assert viewer.post(f"{page}/1/open", page).status_code == 403
    opened = signed_in("administrator").post(f"{page}/1/open")
    assert "Yeni park" in opened.text
    with runtime.db.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "source.open-event")
        ).one()
    assert entry.detail["event"] == 1
    key = program("viewer")
    assert key.get("/v1/admin/sources/2/events/1").status_code == 404
    seen, path = [], "/v1/admin/sources/1/events?limit=8"
    while path:
        answer = key.get(path).json
        seen += [event["id"] for event in answer["items"]]
        path = answer["next"]
    assert seen == list(range(30, 0, -1))


def test_failed_events_are_read_again_by_a_job(runtime: Runtime, program: Program) -> None:
    received(runtime)
    key = program()
    started = key.send("/v1/admin/sources/1/replay")
    assert started.status_code == 202
    assert key.send("/v1/admin/sources/1/replay").status_code == 422  # it waits already
    running.run(runtime, started.json["job_id"])
    with runtime.db.read() as session:
        job = session.scalars(select(Job)).one()
        event = session.scalars(select(InboxEvent)).one()
    assert (job.state, job.done, job.total) == (JobState.DONE, 1, 1)
    assert job.result == {str(event.verdict): 1}
    assert event.verdict == Verdict.ACCEPTED
    with runtime.db.write() as session:
        session.execute(update(Source).values(is_paused=True))
    assert "paused" in key.send("/v1/admin/sources/1/replay").json["detail"]


def test_programs_change_what_they_have_read(runtime: Runtime, program: Program) -> None:
    key, path = program(), "/v1/admin/sources/1"
    made = key.send("/v1/admin/sources", {"slug": "kent", "preset": "wordpress"})
    assert made.status_code == 201
    assert made.json["secret"] == runtime.vault.decrypt(only(runtime).sealed_secret)
    assert made.json["source"]["badges"] == ["signed", "no replay protection"]
    etag = key.get(path).headers["ETag"]
    assert key.send(path, {"hold_s": 5}, "PATCH").status_code == 428
    bad = key.send(path, {"hold_s": -1, "timezone": "Mars"}, "PATCH", If_Match=etag)
    assert [one["field"] for one in bad.json["errors"]] == ["hold_s", "timezone"]
    done = key.send(path, {"hold_s": 5}, "PATCH", If_Match=etag)
    assert done.json["hold_s"] == 5
    assert key.send(f"{path}/rotate", {}, If_Match=etag).status_code == 412
    again = key.send(f"{path}/rotate", {"secret": "given-by-cms"}, If_Match=done.headers["ETag"])
    assert again.json["secret"] is None
    assert key.get(f"{path}/activity").json == {"last_at": None, "day": {}, "pull": None}
