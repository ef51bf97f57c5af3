"""The office and its subscribers: found by exact address alone, helped, and never given away."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service import acts, logs
from service.admin import looking
from service.db import utcnow
from service.jobs import running
from service.ledger.suppressions import suppress
from service.models import (
    Alarm,
    AuditEntry,
    Bounce,
    Destination,
    ImportRun,
    Job,
    Notification,
    Subscription,
    Suppression,
    SuppressionReason,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from tests.integration.town import Town

ADDRESS = "ayse@example.org"
HEADER = "address,topics,places,frequency,language\n"
WHY = "Telefonda istedi"


@pytest.fixture
def written(app: Any) -> Iterator[io.StringIO]:
    """All that is logged, at every level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("DEBUG")
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def officer(signed_in: Callable[[str], Any]) -> Any:
    return signed_in("privacy-officer")


def found(officer: Any, address: str = ADDRESS) -> str:
    """The path of a person's page, after a look."""
    answer = officer.post("/staff/subscribers", email=address)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def key_of(path: str) -> str:
    return path.partition("key=")[2]


def upload(officer: Any, *lines: str, **answers: Any) -> Any:
    text = HEADER + "".join(f"{line}\n" for line in lines)
    answers = {"origin": "Form 2024", "evidence": "Dosya 17", **answers}
    file = (io.BytesIO(text.encode()), "liste.csv")
    return officer.post("/staff/imports", file=file, **answers)


def work(runtime: Runtime) -> None:
    with runtime.db.read() as session:
        waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
    for job_id in waiting:
        running.run(runtime, job_id)


def test_somebody_is_found_by_the_exact_address_alone(
    officer: Any, town: Town, runtime: Runtime
) -> None:
    town.reader(address=ADDRESS)
    path = found(officer, " AYSE@Example.ORG ")
    assert ADDRESS not in path
    page = officer.get(path)
    assert ADDRESS in page.text
    assert "İklim" in page.text
    for wrong, code in (("ayse@example", 422), ("ayse", 422), ("", 422), ("ays@example.org", 200)):
        answer = officer.post("/staff/subscribers", email=wrong)
        assert answer.status_code == code, wrong
    assert "bilinen kimse yok" in answer.text
    with runtime.db.read() as session:
        looks = session.scalars(select(AuditEntry).where(AuditEntry.act == looking.LOOK)).all()
    assert [one.detail for one in looks] == [{"is_known": True}, {"is_known": False}]
    assert looks[0].subject == address_hash(runtime.vault, "email", ADDRESS)


def test_a_token_is_of_one_account_and_ends(
    officer: Any, signed_in: Callable[[str], Any], town: Town, clock: Any
) -> None:
    town.reader(address=ADDRESS)
    path = found(officer)
    assert signed_in("administrator").get(path).status_code == 410
    assert officer.get("/staff/subscribers/person?key=abc").status_code == 410
    clock.advance(minutes=16)
    with officer.client.session_transaction() as held:
        held["staff_proved"] += 16 * 60
    assert officer.get(path).status_code == 410
    answer = officer.post("/staff/subscribers/erase", key=key_of(path), reason=WHY, address=ADDRESS)
    assert answer.status_code == 410


def test_many_looks_are_refused_and_told(
    officer: Any, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "AN_HOUR", "3 per hour")
    monkeypatch.setattr(looking, "ALARM_AT", 3)
    for number in range(3):
        answer = officer.post("/staff/subscribers", email=f"x{number}@example.org")
        assert answer.status_code == 200
    assert officer.post("/staff/subscribers", email="x@example.org").status_code == 422
    assert officer.post("/staff/suppressions", email="x@example.org").status_code == 422
    with runtime.db.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert (alarm.kind, "3 addresses" in alarm.text) == ("many looks", True)


def test_an_erasure_wants_the_address_once_more(officer: Any, town: Town, runtime: Runtime) -> None:
    town.reader(address=ADDRESS)
    key = key_of(found(officer))
    for answers in ({"reason": WHY}, {"address": ADDRESS}, {"reason": WHY, "address": "b@c.org"}):
        assert officer.post("/staff/subscribers/erase", key=key, **answers).status_code == 422
    done = officer.post("/staff/subscribers/erase", key=key, reason=WHY, address=ADDRESS)
    assert done.status_code == 303
    assert "bilinen kimse yok" in officer.post("/staff/subscribers", email=ADDRESS).text
    with runtime.db.read() as session:
        assert ADDRESS not in session.scalars(select(Destination.address)).all()


def test_the_chosen_subscriptions_end(officer: Any, town: Town, runtime: Runtime) -> None:
    whose = town.reader(address=ADDRESS)
    other, stranger = town.subscribe(whose, "spor"), town.reader("spor")
    key = key_of(found(officer))
    assert officer.post("/staff/subscribers/end", key=key, reason=WHY).status_code == 422
    with runtime.db.read() as session:
        theirs = select(Subscription.id).where(Subscription.destination_id == stranger)
        foreign = session.scalars(theirs).one()
    chosen = [str(other), str(foreign)]
    done = officer.post("/staff/subscribers/end", key=key, reason=WHY, subscription=chosen)
    assert done.status_code == 303
    with runtime.db.read() as session:
        ended = session.execute(
            select(Subscription.id, Subscription.end_reason).where(
                Subscription.ended_at.is_not(None)
            )
        ).all()
    assert [tuple(row) for row in ended] == [(other, "staff")]


def test_links_are_sent_only_where_there_is_one(officer: Any, town: Town, runtime: Runtime) -> None:
    town.reader(address=ADDRESS)
    key = key_of(found(officer))
    refused = officer.post("/staff/subscribers/resend", key=key, reason=WHY)
    assert "Onay bekleyen bir şey yok" in refused.text
    sent = officer.post("/staff/subscribers/sign-in-link", key=key, reason=WHY)
    assert sent.status_code == 303
    with runtime.db.read() as session:
        assert session.scalars(select(Notification)).one().payload["template"] == "sign_in"


def test_the_word_of_a_person_outweighs_a_mailbox(officer: Any, runtime: Runtime) -> None:
    hashed = address_hash(runtime.vault, "email", ADDRESS)
    with runtime.db.write() as session:
        suppress(session, SuppressionReason.HARD, {hashed: "5.1.1"}, utcnow())
    form = {"email": ADDRESS, "reason": f"{WHY}: {ADDRESS}"}
    assert officer.post("/staff/suppressions/add", **form).status_code == 303
    assert officer.post("/staff/suppressions/add", **form).status_code == 422
    with runtime.db.read() as session:
        one = session.get_one(Suppression, hashed)
    assert (one.reason, ADDRESS in one.evidence) == ("asked", False)
    page = officer.get("/staff/suppressions").text
    assert hashed[:8] in page
    assert hashed[:12] not in page
    assert "Kişi belediyeden istedi" in officer.post("/staff/suppressions", email=ADDRESS).text
    assert officer.post("/staff/suppressions/lift", **form).status_code == 303
    assert officer.post("/staff/suppressions/lift", **form).status_code == 422


def test_an_import_is_checked_stored_and_undone_on_its_page(officer: Any, runtime: Runtime) -> None:
    answer = upload(officer, "ali@example.org,iklim-cevre,,,", "veli@example.org,,,,")
    path = answer.location
    work(runtime)
    assert "Yapılacak olanlar" in officer.get(path).text
    assert officer.post(f"{path}/store", rows="3").status_code == 422
    officer.post(f"{path}/store", rows="2")
    work(runtime)
    assert "Kaydedildi" in officer.get(path).text
    assert officer.post(f"{path}/undo", rows="2").status_code == 422
    officer.post(f"{path}/undo", rows="2", reason=WHY)
    work(runtime)
    assert "Geri almanın sonucu" in officer.get(path).text
    with runtime.db.read() as session:
        live = select(Subscription.id).where(Subscription.ended_at.is_(None))
        assert session.scalars(live).all() == []


# The test client keeps what it sends in a file of its own, and leaves it to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_list_may_be_larger_than_a_form_and_no_larger_than_20_mb(
    officer: Any, signed_in: Callable[[str], Any], runtime: Runtime
) -> None:
    lines = [f"kisi{number}@example.org,,,daily,tr" for number in range(12_000)]
    assert len("".join(lines)) > 300 * 1024
    assert upload(officer, *lines).status_code == 303
    assert upload(officer, "x" * 21 * 1024 * 1024).status_code == 413
    assert upload(signed_in("viewer"), *lines).status_code == 413
    form = officer.post("/staff/suppressions", email="x" * 300 * 1024)
    assert form.status_code == 413
    with runtime.db.read() as session:
        assert len(session.scalars(select(ImportRun.id)).all()) == 1


def test_errors_are_a_file_that_runs_no_formula(officer: Any, runtime: Runtime) -> None:
    path = upload(officer, "ali@example.org,=1+1,,,").location
    work(runtime)
    answer = officer.get(f"{path}/errors.csv")
    assert answer.mimetype == "text/csv"
    assert "there is no topic '=1+1'" in answer.text
    assert "ali@" not in answer.text


def test_bounces_are_shown_by_domain_and_one_by_one(
    signed_in: Callable[[str], Any], runtime: Runtime
) -> None:
    with runtime.db.write() as session:
        for number in range(30):
            session.add(
                Bounce(
                    notification_id=number,
                    destination_id=1,
                    verdict="ours" if number % 3 else "hard",
                    status="5.7.1",
                    detail="not accepted",
                    lane="other",
                    domain="=cmd.example" if number < 2 else "example.org",
                    at=utcnow() - timedelta(minutes=number),
                )
            )
    viewer = signed_in("viewer")
    page = viewer.get("/staff/bounces").text
    assert page.count("not accepted") == 25
    older = page.partition("before=")[2].partition('"')[0]
    assert viewer.get(f"/staff/bounces?before={older}").text.count("not accepted") == 5
    assert viewer.get("/staff/bounces?domain=%3Dcmd.example").text.count("not accepted") == 2
    assert viewer.get("/staff/bounces?verdict=hard").text.count("not accepted") == 10
    for odd in ("before=-1", "before=99999999999999999999", "days=x", "verdict=x"):
        assert viewer.get(f"/staff/bounces?{odd}").status_code == 200, odd
    assert viewer.get("/staff/bounces?domain=%00").status_code == 400
    table = viewer.get("/staff/bounces/domains.csv").text
    assert table.startswith("\ufeffdomain,hard,disabled,soft,ours,complaint\r\nexample.org,9,")
    assert "'=cmd.example,1," in table


def test_a_program_does_the_same(program: Callable[..., Any], town: Town, runtime: Runtime) -> None:
    key = program("privacy-officer")
    town.reader(address=ADDRESS)
    base = "/v1/admin/subscribers"
    person = key.send(f"{base}/lookup", {"address": ADDRESS}).json["person"]
    assert key.send(f"{base}/lookup", {"address": "no@example.org"}).status_code == 404
    assert key.send(f"{base}/lookup", {"address": "no address"}).status_code == 422
    assert key.send(f"{base}/resend", {"person": person, "reason": WHY}).status_code == 409
    assert key.send(f"{base}/end", {"person": "x", "reason": WHY}).status_code == 409
    exported = key.send(f"{base}/export", {"person": person, "reason": WHY})
    assert json.loads(exported.data)["addresses"][0]["address"] == ADDRESS
    assert key.send(f"{base}/erase", {"person": person, "reason": WHY}).status_code == 200
    assert key.send(f"{base}/erase", {"person": person, "reason": WHY}).status_code == 409
    wrong = key.send("/v1/admin/imports", {"csv": HEADER, "origin": "Form"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "evidence")
    for number in range(3):
        asked = {"address": f"a{number}@example.org", "reason": WHY}
        assert key.send("/v1/admin/suppressions/add", asked).status_code == 200
    first = key.get("/v1/admin/suppressions?limit=2").json
    rest = key.get(first["next"]).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert key.get("/v1/admin/suppressions/counts").json == {"counts": {"asked": 3}}
    assert key.get("/v1/admin/bounces").json == {"items": [], "next": None}
    assert key.get("/v1/admin/bounces/domains?days=30").json["domains"] == {}


def test_no_address_is_anywhere_but_in_the_answer_to_a_look(
    written: io.StringIO,
    officer: Any,
    program: Callable[..., Any],
    town: Town,
    runtime: Runtime,
) -> None:
    town.reader(address=ADDRESS)
    path = found(officer)
    key, reason = key_of(path), f"{ADDRESS} aradı"
    officer.post("/staff/subscribers/sign-in-link", key=key, reason=reason)
    officer.post("/staff/subscribers/export", key=key, reason=reason)
    officer.post("/staff/suppressions/add", email="veli@example.org", reason="veli@example.org")
    good = upload(officer, "ali@example.org,spor,,,", origin="ali@example.org").location
    bad = upload(officer, "can@example.org,can@example.org,,,", "can(at)example.org,,,,").location
    work(runtime)
    officer.post(f"{good}/store", rows="1")
    work(runtime)
    officer.post(f"{good}/undo", rows="1", reason="ali@example.org")
    work(runtime)
    api = program("privacy-officer")
    shown = [officer.get(page).text for page in (good, bad, f"{bad}/errors.csv")]
    for part in ("imports", "suppressions", "bounces", "subscribers"):
        shown.append(officer.get(f"/staff/{part}").text)
        shown.append(api.get(f"/v1/admin/{part}").text)
    with runtime.db.read() as session:
        for job in session.scalars(select(Job)):
            shown.append(f"{job.params} {job.cursor} {job.result} {job.error}")
        for entry in session.scalars(select(AuditEntry)):
            shown.append(f"{entry.act} {entry.detail}")
        for run in session.scalars(select(ImportRun)):
            shown.append(f"{run.origin} {run.evidence} {run.report} {run.result} {run.undone}")
        for row in session.scalars(select(Suppression)):
            shown.append(row.evidence)
    said = "\n".join([*shown, written.getvalue()])
    for name in ("ayse", "veli", "ali@", "can@", "can(at)"):
        assert name not in said.lower(), name


def test_an_old_look_counts_for_no_alarm(
    officer: Any, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "ALARM_AT", 2)
    with monkeypatch.context() as past:
        past.setattr(acts, "utcnow", lambda: utcnow() - timedelta(days=2))
        officer.post("/staff/subscribers", email="x@example.org")
    officer.post("/staff/subscribers", email="x@example.org")
    with runtime.db.read() as session:
        assert session.scalars(select(Alarm)).all() == []
