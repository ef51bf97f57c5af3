"""Given-up work: listed with what went wrong, begun again once, or put away for a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from service.cli import cli
from service.db import utcnow
from service.ledger.alarms import live_alarms, raise_alarm
from service.ledger.attempts import MAX_BATCH_ATTEMPTS, MAX_CLASSIFY_ATTEMPTS, give_up_batches
from service.ledger.outcome import Outcome
from service.models import (
    AlarmKind,
    AuditEntry,
    Batch,
    DeliveryState,
    InboxEvent,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    Verdict,
)
from tests.integration.admin.examples import now as examples
from tests.integration.ledger.recorder import Recorder
from tests.integration.town import EDITOR
from workers.deliver import PeerAwayError, deliver_batch

SENT, REJECTED = DeliveryState.SENT, DeliveryState.REJECTED


@pytest.fixture
def lost_batch(town, runtime) -> tuple[int, int, list[int]]:
    """A batch that told one reader, was refused by one, and was given up before the last two; its
    number, its notification and its readers."""
    readers = town.readers(4)
    notification = town.planned()
    (batch,) = town.batches()

    def stop(one: int, _on_wire) -> Outcome | None:
        if one == readers[2]:
            raise PeerAwayError("gone")
        return Outcome(REJECTED, "5.1.1") if one == readers[1] else None

    deliver_batch(runtime, batch, Recorder(stop))
    journals = runtime.settings.var_dir / "journal"
    with runtime.db.write() as session:
        tired = {"attempts": MAX_BATCH_ATTEMPTS, "due_at": utcnow() - timedelta(hours=1)}
        session.execute(update(Batch).values(state=0, lease=None, **tired))
    give_up_batches(runtime.db, journals, utcnow())
    return batch, notification, readers


def test_a_batch_that_is_retried_tells_exactly_those_who_were_not(
    signed_in, town, runtime, work, lost_batch
):
    batch, notification, readers = lost_batch
    assert town.states(notification)[readers[3]] == REJECTED
    editor = signed_in("editor")
    page = editor.get("/en/staff/dead-letters").text
    assert f"batch {batch} of notification {notification} failed" in page

    one = {"kind": "batch", "id": str(batch)}
    assert editor.post("/en/staff/dead-letters/retry", **one).status_code == 303
    assert editor.post("/en/staff/dead-letters/retry", **one).status_code == 409
    work()

    states = town.states(notification)
    assert [states[one] for one in readers] == [SENT, REJECTED, SENT, SENT]
    assert set(town.mails().values()) == {1}
    assert town.get(Notification, notification).state == NotificationState.DONE
    assert town.findings() == []
    with runtime.db.read() as session:
        assert live_alarms(session) == []
    acts = [one.act for one in town.all(AuditEntry) if one.act != "staff.sign-in"]
    assert acts == ["batch.retry"]


def test_a_withdrawn_article_is_not_told_by_a_retry(program, runtime, lost_batch):
    batch, _notification, _ = lost_batch
    with runtime.db.write() as session:
        session.execute(update(Notification).values(stopped_at=utcnow()))
    answer = program("editor").send(f"/v1/admin/dead-letters/batch/{batch}/retry")
    assert answer.status_code == 409
    assert "withdrawn or cancelled" in answer.json["detail"]


def test_a_discarded_batch_leaves_the_list_and_tells_nobody(signed_in, town, lost_batch):
    batch, notification, _ = lost_batch
    before = town.states(notification)
    editor = signed_in("editor")
    one = {"kind": "batch", "id": str(batch)}
    assert editor.post("/en/staff/dead-letters/discard", **one).status_code == 422
    done = editor.post("/en/staff/dead-letters/discard", reason="eski haber", **one)
    assert done.status_code == 303
    assert "Nothing of this kind is given up." in editor.get(done.location).text
    assert town.states(notification) == before
    entry = town.all(AuditEntry)[-1]
    assert (entry.act, entry.object_id, entry.detail) == (
        "batch.discard",
        batch,
        {"reason": "eski haber"},
    )


def test_a_text_begins_with_all_its_tries_again(program, town, runtime):
    examples.text(runtime)
    key = program("editor")
    (item,) = key.get("/v1/admin/dead-letters/text").json["items"]
    assert (item["id"], item["error"], item["article_id"]) == (1, "it killed its worker", 1)
    assert key.send("/v1/admin/dead-letters/text/1/retry").status_code == 200
    revision = town.get(Revision, 1)
    assert (revision.state, revision.attempts) == (RevisionState.RECEIVED, 0)
    assert key.get("/v1/admin/dead-letters/text").json["items"] == []
    assert key.send("/v1/admin/dead-letters/text/1/retry").status_code == 409
    assert MAX_CLASSIFY_ATTEMPTS > 1


def test_an_event_shows_its_fields_without_their_texts_and_is_read_again(
    signed_in, town, runtime, work
):
    examples.event(runtime)
    editor = signed_in("editor")
    page = editor.get("/en/staff/dead-letters?kind=event").text
    assert "title: 6 characters" in page
    assert "tags: 2 entries" in page
    assert "Körfez" not in page

    editor.post("/en/staff/dead-letters/retry", kind="event", id="1")
    assert town.get(InboxEvent, 1).verdict == Verdict.PENDING
    work()  # today's preset does not fit either: it is back
    assert town.get(InboxEvent, 1).verdict == Verdict.FAILED
    editor.post("/en/staff/dead-letters/discard", kind="event", id="1", reason="deneme")
    row = town.get(InboxEvent, 1)
    assert (row.verdict, row.reason) == (Verdict.IGNORED, "discarded by staff: deneme")


def test_a_plan_that_fails_is_tried_at_once_or_ended(program, town, runtime, work):
    town.readers(2)
    notification = town.notification(town.article())
    with runtime.db.write() as session:
        session.execute(
            update(Notification).values(attempts=8, rung_at=utcnow() + timedelta(hours=1))
        )
        raise_alarm(session, AlarmKind.PLAN_FAILS, notification, "cannot be planned", utcnow())
    key, path = program("editor"), f"/v1/admin/dead-letters/plan/{notification}"
    assert key.send(f"{path}/retry").status_code == 200
    assert town.get(Notification, notification).rung_at <= utcnow()
    assert key.send(f"{path}/discard", {"reason": "bozuk"}).status_code == 200
    work()
    assert town.get(Notification, notification).state == NotificationState.DONE
    assert town.mails().total() == 0
    assert key.send(f"{path}/discard", {"reason": "bozuk"}).status_code == 409


def test_all_of_a_kind_begin_again_by_one_typed_word(signed_in, town, runtime):
    examples.event(runtime)
    editor = signed_in("editor")
    wrong = editor.post("/en/staff/dead-letters/retry-all", kind="event", confirm="yes")
    assert wrong.status_code == 422
    done = editor.post("/en/staff/dead-letters/retry-all", kind="event", confirm=" retry ")
    assert done.status_code == 303
    assert town.get(InboxEvent, 1).verdict == Verdict.PENDING


@pytest.mark.parametrize("kind", ["batch", "text", "plan", "journal", "event"])
def test_what_is_not_given_up_is_refused(program, signed_in, town, kind):
    key = program("editor")
    assert key.send(f"/v1/admin/dead-letters/{kind}/7/retry").status_code == 409
    refused = key.send(f"/v1/admin/dead-letters/{kind}/7/discard", {"reason": "x"})
    assert refused.status_code == 409
    assert key.send(f"/v1/admin/dead-letters/{kind}/{2**63}/retry").status_code == 404
    assert key.get("/v1/admin/dead-letters/nothing").status_code == 404


@pytest.mark.usefixtures("command_line", "editor")
def test_the_command_line_does_the_same(town, runtime):
    examples.event(runtime)

    def run(*words: str) -> str:
        return CliRunner().invoke(cli, ("dead-letters", *words)).output

    assert run("list", "event").endswith("\tizmir\tno title\n")
    assert "say either a number or --all" in run("retry", "event", "--staff", EDITOR)
    assert run("retry", "event", "1", "--staff", EDITOR) == "1 of kind event begun again.\n"
    assert "no event 1 has failed" in run("retry", "event", "1", "--staff", EDITOR)
    assert run("list", "event") == "No event is given up.\n"
    with runtime.db.write() as session:
        session.execute(update(InboxEvent).values(verdict=Verdict.FAILED))
    assert run("retry", "event", "--all", "--staff", EDITOR) == "1 of kind event begun again.\n"
    with runtime.db.write() as session:
        session.execute(update(InboxEvent).values(verdict=Verdict.FAILED))
    said = run("discard", "event", "1", "--reason", "x", "--staff", EDITOR)
    assert said == "Discarded: event 1.\n"
    acts = [one.act for one in town.all(AuditEntry)]
    assert acts == ["event.retry", "event.retry-all", "event.discard"]


def test_an_alarm_is_read_in_the_pages_language_and_cleared_for_a_reason(
    signed_in, program, town, runtime
):
    examples.alarm(runtime)
    editor = signed_in("editor")
    page = editor.get("/staff/alarms").text
    assert "Defterin toplamı tutmuyor" in page
    assert "Bir şey bulmayan ilk denetim" in page
    assert editor.post("/staff/alarms/1/clear", reason=" ").status_code == 422
    assert editor.post("/staff/alarms/1/clear", reason="denetlendi").status_code == 303
    after = editor.get("/staff/alarms").text
    assert "Etkin alarm yok" in after
    assert "denetlendi" in after
    key = program("editor")
    assert key.get("/v1/admin/alarms").json["items"] == []
    assert key.send("/v1/admin/alarms/1/clear", {"reason": "x"}).status_code == 409
    assert key.send("/v1/admin/alarms/9/clear", {"reason": "x"}).status_code == 404
