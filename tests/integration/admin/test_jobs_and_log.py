"""Jobs as staff see them, and the log of acts as it is read, exported and judged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text, update

from service import acts
from service.acts import Actor
from service.admin import job_acts
from service.admin.csv_export import csv_lines
from service.admin.powers import Power
from service.cli import cli
from service.db import utcnow
from service.jobs import KINDS, import_rules, queue
from service.jobs.import_rules import ImportState
from service.models import (
    AuditEntry,
    ImportRun,
    Job,
    JobFile,
    JobState,
    Staff,
    TemplateDraft,
    TopicDraft,
    Via,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from tests.integration.admin.examples.texts import draft, job, staff_id
from workers.retain import forget_expired

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"]


def with_file(runtime: Runtime) -> int:
    number: int = job(runtime)["job_id"]
    with runtime.db.write() as session:
        queue.keep_file(runtime, session, number, "errors.csv", "text/csv", "satır,hata")
        row = session.get_one(Job, number)
        row.state, row.done, row.total = JobState.RUNNING, 50, 200
        row.result = {"rows_read": 50}
        row.started_at = utcnow() - timedelta(seconds=10)
        row.due_at = utcnow() + timedelta(minutes=1)
    return number


def test_a_job_is_shown_with_its_progress(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    owner, viewer = signed_in("administrator"), signed_in("viewer")
    assert "Hiç iş başlatılmadı" in viewer.get("/staff/jobs").text
    number = with_file(runtime)
    assert 'value="25"' in viewer.get("/staff/jobs").text
    page = viewer.get(f"/staff/jobs/{number}")
    assert "50 / 200" in page.text
    assert "rows read" in page.text
    assert "Refresh" not in page.headers
    assert viewer.get(f"/staff/jobs/{number}?live=1").headers["Refresh"] == "5"
    assert viewer.get("/staff/jobs/99").status_code == 404
    file = f"/staff/jobs/{number}/file?name=errors.csv"
    for refused in (
        viewer.get(file),
        viewer.post(f"/staff/jobs/{number}/cancel"),
        viewer.post(f"/staff/jobs/{number}/resume"),
    ):
        assert refused.status_code == 403
    taken = owner.get(file)
    assert (taken.text, taken.headers["Content-Disposition"]) == (
        "satır,hata",
        'attachment; filename="errors.csv"',
    )
    with runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "job.download")).one()
    assert (entry.object_id, entry.detail) == (number, {"file": "errors.csv"})


def test_a_program_sees_and_cancels_what_it_may(
    runtime: Runtime, program: Callable[..., Any]
) -> None:
    key, viewer = program("administrator"), program("viewer")
    number = with_file(runtime)
    shown = viewer.get(f"/v1/admin/jobs/{number}").json
    assert (shown["done"], shown["total"], shown["files"]) == (50, 200, ["errors.csv"])
    assert viewer.get("/v1/admin/jobs?limit=1").json["items"][0]["id"] == number
    assert viewer.get(f"/v1/admin/jobs/{number}/files/errors.csv").status_code == 403
    assert viewer.send(f"/v1/admin/jobs/{number}/cancel").status_code == 403
    assert key.send(f"/v1/admin/jobs/{number}/cancel").json["is_cancelling"] is True
    assert key.get(f"/v1/admin/jobs/{number}/files/errors.csv").text == "satır,hata"
    assert key.get(f"/v1/admin/jobs/{number}/files/none").status_code == 404


@pytest.mark.usefixtures("command_line", "accounts")
def test_jobs_by_command(runtime: Runtime) -> None:
    def tell(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["job", *words])
        return result.exit_code, result.output + str(result.exception or "")

    assert tell("list") == (0, "No job has been started.\n")
    number = str(with_file(runtime))
    assert "running\t50 of 200" in tell("list")[1]
    assert "file: errors.csv (text/csv)" in tell("show", number)[1]
    assert tell("cancel", number, "--staff", "viewer@tellal.example")[0] == 0
    with runtime.db.write() as session:
        session.get_one(Job, int(number)).state = JobState.CANCELLED
    code, said = tell("wait", number)
    assert (code, "cancelled" in said) == (1, True)
    assert tell("resume", number, "--staff", "viewer@tellal.example")[0] == 0
    assert "neither failed" in tell("resume", number, "--staff", "viewer@tellal.example")[1]
    with runtime.db.write() as session:
        session.get_one(Job, int(number)).state = JobState.DONE
    assert tell("wait", number)[0] == 0
    assert "there is no job 99" in tell("show", "99")[1]


def test_each_kind_of_job_has_a_title_and_a_power() -> None:
    assert job_acts.TITLES.keys() == KINDS.keys()
    powers = {kind: job_acts.power_of(kind) for kind in KINDS}
    assert [kind for kind, power in powers.items() if power is Power.STAFF] == []
    assert powers["import-store"] is Power.PEOPLE


@pytest.mark.parametrize(
    ("kind", "role"), [("import-store", "privacy-officer"), ("resend", "editor")]
)
def test_who_lost_the_power_does_not_resume_what_they_started(
    runtime: Runtime,
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    kind: str,
    role: str,
) -> None:
    starter, officer = signed_in("viewer"), signed_in(role)
    with runtime.db.write() as session:
        viewer = session.scalars(select(Staff.id).where(Staff.email.startswith("viewer@"))).one()
        number = queue.start(session, kind, viewer).id
        queue.cancel(session, number, utcnow())
    assert starter.post(f"/staff/jobs/{number}/resume").status_code == 403
    assert program("viewer").send(f"/v1/admin/jobs/{number}/resume").status_code == 403
    assert "Sürdür" not in starter.get(f"/staff/jobs/{number}").text
    assert officer.post(f"/staff/jobs/{number}/resume").status_code == 303


def test_a_resend_says_what_its_cancel_does_not_stop(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    editor = signed_in("editor")
    with runtime.db.write() as session:
        number = queue.start(session, "resend", staff_id(runtime), article=7, unknown=False).id
    page = editor.get(f"/en/staff/jobs/{number}").text
    assert "To stop the sending itself, pause the article" in page
    assert 'href="/en/staff/articles/7"' in page


@pytest.mark.usefixtures("accounts")
def test_files_go_before_their_jobs_and_both_in_time(runtime: Runtime) -> None:
    number, young = with_file(runtime), with_file(runtime)
    draft(runtime)
    with runtime.db.write() as session:
        session.get_one(Job, number).ended_at = utcnow() - timedelta(days=366)
        session.get_one(JobFile, (number, "errors.csv")).created_at -= timedelta(days=31)
        session.get_one(JobFile, (young, "errors.csv")).created_at -= timedelta(days=29)
        session.scalars(select(TemplateDraft)).one().at -= timedelta(days=91)
    forget_expired(runtime)
    with runtime.db.read() as session:
        assert session.scalars(select(Job.id)).all() == [young]
        assert session.scalars(select(JobFile.job_id)).all() == [young]
        assert session.scalars(select(TemplateDraft)).all() == []


@pytest.mark.usefixtures("accounts")
def test_an_import_and_a_draft_keep_their_jobs(runtime: Runtime) -> None:
    checked, what_if, alone = (job(runtime)["job_id"] for _ in range(3))
    with runtime.db.write() as session:
        session.add(ImportRun(staff_id=staff_id(runtime), origin="form", check_job_id=checked))
        session.add(
            TopicDraft(base=1, content={}, changes={}, staff_id=staff_id(runtime), job_id=what_if)
        )
        session.execute(update(Job).values(ended_at=utcnow() - timedelta(days=366)))
    forget_expired(runtime)
    with runtime.db.read() as session:
        assert sorted(session.scalars(select(Job.id))) == sorted((checked, what_if))
        run = session.scalars(select(ImportRun)).one()
        assert import_rules.state_of(session, run) is ImportState.CHECKING
    assert alone not in (checked, what_if)


@pytest.fixture
def lines(runtime: Runtime, accounts: dict[str, str]) -> int:
    """Some acts, one of them with a name that a spreadsheet would run; who did them."""
    who = Actor(staff_id(runtime), Via.PAGE, "request-1")
    hashed = address_hash(runtime.vault, "email", "ayse@example.com")
    with runtime.db.write() as session:
        for number in range(3):
            acts.record(session, runtime.vault, who, "channel.pause", number, reason="=1+1")
        acts.record(session, runtime.vault, who, "=cmd()", 7, before="eski", after="yeni")
        acts.record(session, runtime.vault, None, "suppression.lift", 5, subject=hashed)
    return who.staff_id


def test_the_log_speaks_in_words_and_leads_to_what_was_done_to(
    lines: int, signed_in: Callable[[str], Any]
) -> None:
    page = signed_in("administrator").get("/en/staff/audit").text
    assert "Channel paused" in page
    assert 'href="/en/staff/channels/2"' in page
    assert "Suppression lifted" in page


@pytest.mark.usefixtures("lines")
def test_the_log_is_found_by_act_object_time_and_address(
    signed_in: Callable[[str], Any],
) -> None:
    officer = signed_in("privacy-officer")

    def found(query: str) -> int:
        return int(officer.get(f"/staff/audit?{query}").text.count('<td class="number">'))

    assert found("") == 6  # with the sign-in
    assert found("act=channel.pause") == 3
    assert found("act=channel.pause&object=1") == 1
    assert found("object=7") == 1
    assert found(f"since={utcnow():%Y-%m-%d}&until=2020-01-01") == 0
    assert found("since=2020-01-01") == 6
    assert found("staff=x&object=x&since=x&until=0001-01-01") == 6 or found("until=x") == 6
    asked = officer.post("/staff/audit/address", address="Ayse@example.com")
    assert asked.status_code == 303
    assert "ayse" not in asked.location.lower()
    page = officer.get(asked.location).text
    assert page.count('<td class="number">') == 2  # the act, and this look
    assert "suppression.lift" in page
    assert officer.post("/staff/audit/address", address="ayse").status_code == 422
    assert signed_in("editor").get("/staff/audit").status_code == 403


@pytest.mark.usefixtures("lines")
def test_an_export_is_harmless_and_proves_the_chain(
    runtime: Runtime, signed_in: Callable[[str], Any], program: Callable[..., Any]
) -> None:
    officer = signed_in("privacy-officer")
    answer = officer.get("/staff/audit/audit.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert "'=cmd()" in [row["act"] for row in rows]
    assert rows[-1]["act"] == "audit.export"
    assert "@" not in answer.text
    told = [json.loads(line) for line in officer.get("/staff/audit/audit.jsonl").text.splitlines()]
    assert [one["number"] for one in told] == list(range(1, len(told) + 1))
    with runtime.db.read() as session:
        assert all(acts.is_anchored(session, one["number"], one["mac"]) for one in told)
    key = program("privacy-officer")
    first = key.get("/v1/admin/audit?limit=2&act=channel.pause").json
    assert [one["object_id"] for one in first["items"]] == [2, 1]
    assert [one["object_id"] for one in key.get(first["next"]).json["items"]] == [0]
    assert key.get("/v1/admin/audit/chain").json["breaks"] == []


def test_no_cell_is_a_formula() -> None:
    (line,) = list(csv.reader(io.StringIO("".join(csv_lines(FORMULAS, [])), newline="")))
    assert line == [f"'{cell}" for cell in FORMULAS]
    written = "".join(csv_lines(["a"], [[-1], ["düz"], [None]]))
    assert written == 'a\r\n-1\r\ndüz\r\n""\r\n'


@pytest.mark.usefixtures("command_line", "lines")
def test_the_command_judges_the_log(runtime: Runtime, signed_in: Callable[[str], Any]) -> None:
    def tell(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["audit", *words])
        return result.exit_code, result.output + str(result.exception or "")

    code, printed = tell("log", "--since", "2020-01-01", "--act", "channel.pause")
    told = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert (code, [one["object_id"] for one in told]) == (0, [0, 1, 2])
    anchor = f"{told[1]['number']}:{told[1]['mac']}"
    code, said = tell("--log", "--anchor", anchor)
    assert (code, "The log of acts is whole: 5 entries." in said) == (0, True)
    code, said = tell("--log", "--anchor", f"1:{told[1]['mac']}")
    assert (code, "entry 1: not the one" in said) == (1, True)
    assert "is no anchor" in tell("--log", "--anchor", "x")[1]
    assert "goes with --log" in tell("--anchor", anchor)[1]

    on = "" if runtime.db.is_sqlite else " ON audit"
    with runtime.db.write() as session:
        session.execute(text(f"DROP TRIGGER audit_no_update{on}"))
        session.execute(text("UPDATE audit SET act = 'other' WHERE number = 2"))
    code, said = tell("--log")
    assert (code, "entry 2: changed (other" in said) == (1, True)
    page = signed_in("privacy-officer").get("/staff/audit").text
    assert "Kayıt değiştirilmiş" in page
    assert "entry 2: changed" in page
