"""What goes on at this moment: Today, deliveries and pauses, as staff see and change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from service.admin import now_words
from service.cli import cli
from service.db import utcnow
from service.ledger import halts
from service.ledger.alarms import raise_alarm
from service.ledger.outcome import Outcome
from service.models import (
    Alarm,
    AlarmKind,
    Article,
    AuditEntry,
    Channel,
    DeliveryState,
    Halt,
    HaltScope,
    Job,
    JobState,
    LabelState,
    MailLane,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    Source,
    Staff,
    StaffTopic,
    TopicLabel,
)
from service.taxonomy import changes_by, stored_topics
from tests.integration.ledger.recorder import Recorder
from workers.canary import watch_canaries
from workers.deliver import deliver_batch

SignIn = Callable[[str], Any]
QUEUED, SENT, REJECTED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.REJECTED
CANCELLED = DeliveryState.CANCELLED


@pytest.fixture
def busy(town, runtime) -> dict[str, int]:
    """One article at each stage; returns how many are there."""
    town.article(state=RevisionState.RECEIVED)
    town.article(state=RevisionState.QUARANTINED)
    reviewed = town.article()
    town.notification(town.article(), state=NotificationState.HELD)
    town.notification(town.article())
    town.readers(2)
    town.planned()
    revision = town.get(Article, reviewed).revision_id
    with runtime.db.write() as session:
        session.execute(
            update(TopicLabel)
            .where(TopicLabel.revision_id == revision)
            .values(state=LabelState.REVIEW)
        )
        session.add(
            MailLane(
                name="gmail", links=4, closed_until=utcnow() + timedelta(hours=1), reason="421"
            )
        )
        session.execute(update(Source).values(is_paused=True))
        session.execute(
            update(Revision)
            .where(Revision.state == RevisionState.RECEIVED)
            .values(created_at=utcnow() - timedelta(hours=1))
        )
    return dict.fromkeys(("received", "quarantined", "review", "held", "planning", "sending"), 1)


def test_today_shows_each_stage_and_its_figures_lead_to_their_rows(signed_in, busy):
    page = signed_in("viewer").get("/en/staff/").text

    for stage in busy:
        assert f'href="/en/staff/articles?stage={stage}"' in page
    assert "The oldest: 60 minutes" in page
    assert "Too slow" in page
    assert "gmail" in page
    assert "All is well" not in page
    assert 'href="/en/staff/domains#lane-other">other</a>' in page


def test_the_api_and_the_command_line_count_the_same(program, busy, command_line):
    from click.testing import CliRunner

    from service.cli import cli

    seen = program("viewer").get("/v1/admin/today").json
    said = CliRunner().invoke(cli, ("today",)).output

    assert {one["stage"]: one["count"] for one in seen["stages"]} == busy
    assert {one["stage"]: one["tone"] for one in seen["stages"]}["received"] == "bad"
    assert [one["name"] for one in seen["closed"]] == ["gmail"]
    assert seen["troubled_sources"] == ["town"]
    assert (seen["is_well"], seen["lanes"][0]["open"]) == (False, 1)
    for stage in busy:
        assert f"\n{stage}: 1, the oldest since " in said
    assert "closed: gmail until" in said
    assert "email other: 1 open batches, 0 held\n" in said


def test_an_empty_city_is_well(signed_in, program):
    assert "Her şey yolunda" in signed_in("viewer").get("/staff/").text
    assert program("viewer").get("/v1/admin/today").json["is_well"] is True


def test_the_page_loads_itself_only_where_somebody_asked_for_it(signed_in):
    browser = signed_in("viewer")
    assert "Refresh" not in browser.get("/staff/").headers
    assert "Refresh" not in browser.get("/staff/?every=1").headers
    live = browser.get("/staff/?every=30")
    assert live.headers["Refresh"] == "30"
    assert "Bunu durdur" in live.text


@pytest.fixture
def told(town, runtime) -> tuple[int, list[int]]:
    """An article that two of three readers got; its number and the readers."""
    readers = [town.reader(address=f"okur{number}@example.com") for number in range(3)]
    notification = town.planned()
    answers = {readers[1]: Outcome(REJECTED, "5.1.1", "no such user")}
    deliver_batch(runtime, town.batches()[0], Recorder(lambda one, _: answers.get(one)))
    return town.get(Notification, notification).article_id, readers


def test_deliveries_of_an_article_add_up_and_name_no_address(signed_in, told):
    article, readers = told
    page = signed_in("viewer").get(f"/en/staff/deliveries?article={article}").text

    assert f'href="/en/staff/deliveries?article={article}&amp;state=sent">2</a>' in page
    assert all(f"reader #{one}" in page for one in readers)
    assert "5.1.1" in page
    assert "no such user" in page
    assert "@example.com" not in page

    rejected = signed_in("viewer").get(f"/en/staff/deliveries?article={article}&state=rejected")
    assert f"reader #{readers[1]}" in rejected.text
    assert f"reader #{readers[0]}" not in rejected.text


@pytest.mark.parametrize("query", ["since=2020-01-01", "until=2099-12-31", "state=rejected", ""])
def test_the_newest_answers_are_found_by_time_and_outcome(signed_in, told, query):
    page = signed_in("viewer").get(f"/en/staff/deliveries?{query}").text
    assert "no such user" in page


@pytest.mark.parametrize(
    "query",
    [
        "since=2099-01-01",
        "until=2020-01-01",
        "state=sent",
        "article=99",
        "reader=99&state=sent",
        "article=9999999999999999999&reader=x&state=z&since=0000-00-00&until=9999-99-99&after=-5",
    ],
)
def test_what_is_not_there_is_said_and_nothing_breaks(signed_in, town, query):
    answer = signed_in("viewer").get(f"/en/staff/deliveries?{query}")
    assert answer.status_code == 200
    assert "Nothing found." in answer.text


def test_pages_of_deliveries_go_on_where_the_last_one_ended(signed_in, town, program, monkeypatch):
    monkeypatch.setattr("service.ledger.finding.PAGE_SIZE", 2)
    monkeypatch.setattr("service.ledger.finding.WINDOW", 3)
    readers = town.readers(7)
    notification = town.planned()
    key, seen, path = program("viewer"), [], f"/v1/admin/deliveries?notification={notification}"
    while path:
        page = key.get(path).json
        seen += [one["reader"] for one in page["items"]]
        path = page["next"]
    assert seen == readers

    none = key.get(f"/v1/admin/deliveries?notification={notification}&state=sent").json
    assert (none["items"], bool(none["next"])) == ([], True)


def test_a_reader_is_found_by_address_which_is_in_no_url_and_no_log(signed_in, town, told, runtime):
    _, readers = told
    officer = signed_in("privacy-officer")
    answer = officer.post("/staff/deliveries/find", email=" Okur1@Example.com ")

    assert answer.location == f"/staff/deliveries?reader={readers[1]}"
    assert "no such user" in officer.get(answer.location).text
    (entry,) = [one for one in town.all(AuditEntry) if one.act == "deliveries.search"]
    assert (entry.object_id, entry.detail) == (None, {"is_known": True})
    assert len(entry.subject) == 64

    nobody = officer.post("/staff/deliveries/find", email="kimse@example.com")
    assert (nobody.status_code, "Bu adresle okur yok" in nobody.text) == (404, True)
    assert "kimse" not in nobody.text
    assert officer.post("/staff/deliveries/find", email="x").status_code == 422
    assert signed_in("editor").post("/staff/deliveries/find", email="a@b.com").status_code == 403


def test_a_search_by_program_wants_the_power_over_people(program, told):
    _, readers = told
    body = {"email": "okur1@example.com"}
    found = program("privacy-officer").send("/v1/admin/deliveries/find", body)
    assert found.json == {"reader": readers[1]}
    assert program("editor").send("/v1/admin/deliveries/find", body).status_code == 403


@pytest.mark.parametrize(
    ("scope", "of"), [("all", ""), ("topic", "iklim-cevre"), ("lane", "other"), ("article", "1")]
)
def test_a_pause_from_the_page_holds_and_its_end_sends_the_rest_once(
    signed_in, town, work, scope, of
):
    town.readers(3)
    notification = town.planned()
    editor = signed_in("editor")
    start = f"/en/staff/deliveries/halt?act=pause&scope={scope}&of={of}"
    form = editor.get(start).text
    assert "Open batches: 1" in form

    answers = {"scope": scope, "of": of, "reason": "arıza"}
    answers |= {"confirm": "everything"} if scope == "all" else {}
    assert editor.post("/en/staff/deliveries/pause", start, **answers).status_code == 303
    work()
    assert town.counts(notification) == {QUEUED: 3}
    page = editor.get("/en/staff/").text
    assert "Paused since" in page
    assert "arıza" in page

    assert editor.post("/en/staff/deliveries/pauses/1/resume").status_code == 303
    work()
    assert town.counts(notification) == {SENT: 3}
    assert set(town.mails().values()) == {1}
    assert "Paused since" not in editor.get("/en/staff/").text
    acts = [one.act for one in town.all(AuditEntry)][1:]
    assert acts == ["deliveries.pause", "deliveries.resume"]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"scope": "all", "reason": "x"}, "Type the word as it is shown"),
        ({"scope": "all", "confirm": "everything"}, "Write a reason"),
        ({"scope": "topic", "of": "spot", "reason": "x"}, "There is no such thing"),
        ({"scope": "article", "of": "٣", "reason": "x"}, "There is no such thing"),
        ({"scope": "lane", "of": "'; --", "reason": "x"}, "There is no such thing"),
    ],
)
def test_a_pause_that_is_not_meant_is_asked_about_again(signed_in, town, answers, says):
    answer = signed_in("editor").post("/en/staff/deliveries/pause", **answers)
    assert answer.status_code == 422
    assert says in answer.text
    assert [one.act for one in town.all(AuditEntry)] == ["staff.sign-in"]


def test_a_cancel_is_typed_and_its_job_settles_what_nobody_holds(signed_in, town, work):
    town.readers(3)
    notification = town.planned()
    article = str(town.get(Notification, notification).article_id)
    editor = signed_in("editor")
    wanted = {"scope": "article", "of": article, "reason": "yanlış"}
    refused = editor.post("/en/staff/deliveries/cancel", confirm="Cancel!", **wanted)
    assert refused.status_code == 422

    done = editor.post("/en/staff/deliveries/cancel", confirm="cancel", **wanted)
    assert done.status_code == 303
    work()
    assert town.counts(notification) == {CANCELLED: 3}
    (job,) = town.all(Job)
    assert (job.kind, job.state) == ("cancel", JobState.DONE)
    assert town.findings() == []


def test_a_lane_can_not_be_cancelled(signed_in, program):
    body = {"scope": "lane", "of": "other", "reason": "x"}
    assert program("editor").send("/v1/admin/deliveries/cancel", body).status_code == 422
    path = "/staff/deliveries/halt?act=cancel&scope=lane&of=other"
    assert signed_in("editor").get(path).status_code == 404


def test_programs_pause_and_resume_what_the_pages_do(program, town):
    key = program("editor")
    body = {"scope": "topic", "of": "spor", "reason": "arıza"}
    assert key.get("/v1/admin/deliveries/met?scope=topic&of=spor").json["batches"] == 0
    pause = key.send("/v1/admin/deliveries/pause", body).json
    assert (pause["scope"], pause["of"], pause["reason"]) == ("topic", "spor", "arıza")
    assert key.send("/v1/admin/deliveries/pause", body).status_code == 409
    assert key.get("/v1/admin/deliveries/pauses").json["items"] == [pause]
    path = f"/v1/admin/deliveries/pauses/{pause['id']}/resume"
    assert key.send(path).status_code == 200
    assert key.send(path).status_code == 409
    assert key.send("/v1/admin/deliveries/pauses/99/resume").status_code == 404
    gone = key.send("/v1/admin/deliveries/pause", {**body, "of": "spot"})
    assert (gone.status_code, gone.json["detail"]) == (404, "There is no topic 'spot'.")


def test_a_channel_that_paused_itself_is_among_todays_troubles(signed_in, town, runtime):
    town.channel("json://127.0.0.1:1/")
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=True, pause_reason="404: no such room"))
    assert "404: no such room" in signed_in("viewer").get("/staff/").text


def test_each_kind_of_alarm_has_words_and_a_remedy_on_the_page(signed_in, runtime):
    assert set(now_words.ALARM) == set(now_words.MEND) == set(AlarmKind)
    with runtime.db.write() as session:
        for number, kind in enumerate(AlarmKind):
            raise_alarm(session, kind, number, "text", utcnow())
    for path in ("/staff/alarms", "/en/staff/alarms", "/en/staff/"):
        page = signed_in("viewer").get(path)
        assert page.status_code == 200
        assert "<strong></strong>" not in page.text


def test_who_decides_about_some_topics_stops_nothing_else(
    signed_in, program, accounts, town, runtime, command_line
):
    article, other = town.article(), town.article(topics=("spor",))
    signed_in, key = signed_in("editor"), program("editor")
    with runtime.db.write() as session:
        staff = session.scalars(select(Staff).where(Staff.email == accounts["editor"])).one()
        session.add(StaffTopic(staff_id=staff.id, topic_id=town.topic()))
    for scope, of, may in [
        ("all", "", False),
        ("topic", "spor", False),
        ("lane", "other", False),
        ("article", str(other), False),
        ("topic", "iklim-cevre", True),
        ("article", str(article), True),
    ]:
        asked = {"scope": scope, "of": of, "reason": "x"}
        for act in ("pause", "cancel"):
            if (act, scope) == ("cancel", "lane"):
                continue
            answer = key.send(f"/v1/admin/deliveries/{act}", asked)
            assert answer.status_code == (200 if may else 403), (act, scope)
        words = {"pause": {"all": "everything"}.get(scope, ""), "cancel": "cancel"}
        page = signed_in.post(
            "/en/staff/deliveries/cancel" if scope != "lane" else "/en/staff/deliveries/pause",
            confirm=words["cancel"],
            **asked,
        )
        assert page.status_code == (303 if may else 403), scope
        option = ("--all",) if scope == "all" else (f"--{scope}", of)
        said = CliRunner().invoke(
            cli, ("deliveries", "resume", *option, "--staff", accounts["editor"])
        )
        assert said.exit_code == (0 if may else 2), said.output
        assert may or "topics" in said.output
    assert {one.object_id for one in town.all(Halt)} == {article, town.topic()}


def test_a_removed_channel_is_offered_to_nobody_and_stays_shut(signed_in, program, town, runtime):
    town.channel("json://127.0.0.1:1/")
    with runtime.db.write() as session:
        halts.pause(session, HaltScope.CHANNEL, 1, "x", None, utcnow())
        session.execute(update(Channel).values(removed_at=utcnow(), is_paused=True))
        assert halts.resume(session, HaltScope.CHANNEL, 1, utcnow())
    assert town.get(Channel, 1).is_paused
    name = town.get(Channel, 1).name
    form = signed_in("editor").get("/staff/deliveries/halt?act=pause&scope=channel")
    assert name not in form.text
    body = {"scope": "channel", "of": name, "reason": "x"}
    assert program("editor").send("/v1/admin/deliveries/pause", body).status_code == 404


def test_figures_of_what_is_still_sent_say_when_they_were_counted(
    signed_in, program, town, monkeypatch
):
    monkeypatch.setattr("service.ledger.counts.EXACT", 1)
    town.readers(3)
    notification = town.planned()
    article = town.get(Notification, notification).article_id
    viewer, key = signed_in("viewer"), program("viewer")
    for path in (f"/en/staff/articles/{article}", f"/en/staff/deliveries?article={article}"):
        assert "It is still being sent: these are the figures of" in viewer.get(path).text
    moment = town.get(Notification, notification).created_at.isoformat()[:19]
    for path in (f"deliveries/counts/{article}", f"articles/{article}"):
        assert key.get(f"/v1/admin/{path}").json["counted_at"].startswith(moment)
    monkeypatch.undo()
    assert "still being sent" not in viewer.get(f"/en/staff/articles/{article}").text
    assert key.get(f"/v1/admin/articles/{article}").json["counted_at"] is None


def test_a_look_for_a_reader_is_limited_wherever_it_is_made(signed_in, program, town, monkeypatch):
    monkeypatch.setattr("service.admin.looking.AN_HOUR", "2 per hour")
    monkeypatch.setattr("service.admin.looking.ALARM_AT", 2)
    article, email = town.article(), "kimse@example.com"
    officer, key = signed_in("privacy-officer"), program("privacy-officer")
    assert officer.post("/en/staff/deliveries/find", email=email).status_code == 404
    assert officer.post(f"/en/staff/articles/{article}/who", email=email).status_code == 200
    for path in ("deliveries/find", f"articles/{article}/who"):
        assert key.send(f"/v1/admin/{path}", {"email": email}).status_code == 429
        page = officer.post(f"/en/staff/{path}", email=email)
        assert "You have looked up many people" in page.text
    assert [one.kind for one in town.all(Alarm)] == [AlarmKind.MANY_LOOKS]


def test_a_topic_that_is_paused_is_not_removed(signed_in, runtime, town):
    with runtime.db.write() as session:
        halts.pause(session, HaltScope.TOPIC, town.topic("spor"), "x", None, utcnow())
        listed = [one for one in stored_topics(session) if one.slug != "spor"]
        assert changes_by(session, listed).kept == {"spor": "1 pauses"}
    assert "spor" in signed_in("viewer").get("/en/staff/deliveries/pauses").text
    with runtime.db.write() as session:
        halts.resume(session, HaltScope.TOPIC, town.topic("spor"), utcnow())
        assert changes_by(session, listed).removed == ("spor",)


def test_today_says_when_each_canary_was_proved(signed_in, program, town, runtime, work):
    staff = signed_in("viewer")
    assert "Canaries" not in staff.get("/en/staff/").text
    asked = {"canary_email": "kanarya@example.org"}
    there = replace(runtime, settings=runtime.settings.model_copy(update=asked))
    watch_canaries(there)
    assert "Nothing proved yet" in staff.get("/en/staff/").text
    town.notification(town.article())
    work()
    watch_canaries(there)

    page = staff.get("/en/staff/").text
    assert ("Last proved:" in page, "kanarya" in page) == (True, False)
    (told,) = program("viewer").get("/v1/admin/today").get_json()["canaries"]
    assert (told["kind"], told["missed"], told["waits_since"]) == ("email", 0, None)
