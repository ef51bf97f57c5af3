"""A scrape tells the truth of the whole installation, whichever process is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from apiflask import APIFlask
from pydantic import SecretStr
from sqlalchemy import text

from service.app import create_app
from service.db import utcnow
from service.ledger.alarms import raise_alarm
from service.ledger.delays import ERROR
from service.ledger.tallying import count_due
from service.metrics import page
from service.models import (
    AlarmKind,
    DelayDay,
    MailLane,
    TallyDay,
)
from service.runtime import Runtime
from service.telemetry.beats import Beat
from service.telemetry.meters import CHORE_DONE, FOUND
from tests.bench.admin.filling import fill
from tests.integration.admin.walking import BIG, heard, plan_of, unbounded_counts
from tests.integration.metrics.conftest import TOKEN
from workers.recover import Sweeper


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ölçüm"},
    ],
)
def test_who_does_not_know_the_token_learns_nothing(client, headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "tellal_" not in answer.text


def test_without_a_token_there_is_no_such_address(settings):
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr("")}))
    answer = app.test_client().get("/metrics", headers={"Authorization": "Bearer "})
    app.extensions["tellal"].close()
    assert answer.status_code == 404


def test_news_is_followed_from_the_door_to_its_readers(cms, town, runtime, told, scrape, clock):
    address = "somebody@example.org"
    town.reader(address=address)
    revision = cms.post().json["revision"]
    cms.post_raw(b"{}", at=utcnow() - timedelta(days=1))
    waiting = scrape()
    assert waiting("tellal_stage_waiting", stage="received") == 1
    assert waiting("tellal_http_requests_total", route="door", status="202") == 1
    assert waiting("tellal_http_requests_total", route="door", status="401") == 1
    told(revision)
    runtime.meters.tell()
    count_due(runtime.db, _zone(runtime), utcnow(), is_all=True)

    done = scrape()
    answers = {"channel": "email", "priority": "news", "outcome": "sent"}
    assert done("tellal_stage_waiting", stage="received") == 0
    assert done("tellal_today_deliveries", channel="email", outcome="sent") == 1
    median_s = done("tellal_today_news_delay_seconds", channel="email", share="0.5") or 0
    assert 600 * (1 - ERROR) <= median_s < 1_200
    delay = {"channel": "email", "priority": "news"}
    assert done("tellal_delivery_answers_total", **answers) == 1
    assert done("tellal_delivery_delay_seconds_bucket", le="600.0", **delay) == 0
    assert done("tellal_delivery_delay_seconds_bucket", le="1200.0", **delay) == 1
    assert done("tellal_delivery_delay_seconds_count", **delay) == 1
    for private in (address, "58150", "iklim eylem"):
        assert private not in done.text


def test_each_process_tells_what_all_have_counted(client, other_app: APIFlask, runtime, scrape):
    client.get("/health/live")
    other_app.test_client().get("/health/live")
    runtime.meters.add(FOUND, "classify.revision", "yes", count=3)
    runtime.meters.mark(CHORE_DONE, "count.tallies")
    other_app.extensions["tellal"].meters.tell()
    runtime.meters.tell()

    here, there = scrape(), scrape(other_app.test_client())
    live = {"route": "probe", "status": "200"}
    for one in (here, there):
        assert one("tellal_http_requests_total", **live) == 2
        assert one("tellal_sweeper_found_total", task="classify.revision", rung="yes") == 3
        at = one("tellal_chore_last_success_timestamp_seconds", task="count.tallies")
        assert abs((at or 0) - utcnow().timestamp()) < 60


def test_what_the_sweeper_finds_is_counted(cms, deaf, runtime, scrape, town):
    cms.post()
    Sweeper(deaf, lambda _: True).sweep()
    deaf.meters.close()  # that one has no Redis, and keeps it for itself
    assert scrape()("tellal_sweeper_found_total", task="classify.revision", rung="no") is None
    sweeper = Sweeper(runtime, lambda _: True)
    with runtime.db.write() as session:
        session.execute(text("UPDATE revision SET rung_at = '2020-01-01 00:00:00.000000+00:00'"))
    sweeper.sweep()
    runtime.meters.tell()
    assert scrape()("tellal_sweeper_found_total", task="classify.revision", rung="yes") == 1


def test_feeds_from_memory_are_counted_and_logged(client, scrape, town, capsys):
    first = client.get("/feeds/iklim-cevre.rss")
    again = client.get("/feeds/iklim-cevre.rss", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    found = scrape()
    assert found("tellal_http_requests_total", route="feeds", status="200") == 1
    assert found("tellal_http_requests_total", route="feeds-memory", status="304") == 1
    assert found("tellal_http_request_duration_seconds_count", route="feeds-memory") == 1


def test_processes_that_are_silent_or_missing_are_seen(settings, scrape, monkeypatch):
    Beat(settings, "email-2")()
    Beat(settings, "sweeper")()
    found = scrape()
    assert found("tellal_processes", name="email") == 1
    assert found("tellal_processes", name="scheduler") == 0
    assert (found("tellal_process_resident_bytes", name="sweeper") or 0) > 1e6

    monkeypatch.setattr("service.telemetry.beats.SILENT_S", 0.0)
    found = scrape()
    assert found("tellal_processes", name="email") == 0
    assert (found("tellal_process_last_beat_timestamp_seconds", name="email") or 0) > 1e9


def test_alarms_and_closed_providers_are_told(runtime, scrape):
    later = utcnow() + timedelta(hours=1)
    with runtime.db.write() as session:
        raise_alarm(session, AlarmKind.LEDGER_WRONG, 7, "it does not add up", utcnow())
        session.add(MailLane(name="gmail", links=4, closed_until=later))
        session.add(MailLane(name="example.org", links=1, closed_until=later))
    found = scrape()
    assert found("tellal_alarms", kind="ledger wrong") == 1
    assert found("tellal_alarms", kind="plan fails") == 0
    assert found("tellal_mail_lane_closed", lane="gmail") == 1
    assert found("tellal_mail_domains_closed") == 1
    assert "example.org" not in found.text


def test_without_redis_the_ledger_still_speaks(settings):
    nowhere = SecretStr("redis://127.0.0.1:1/0")
    app = create_app(settings.model_copy(update={"redis_url": nowhere}))
    client = app.test_client()
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    app.extensions["tellal"].close()
    assert answer.status_code == 200
    assert "tellal_broker_up 0.0" in answer.text
    assert 'tellal_stage_waiting{stage="received"} 0.0' in answer.text
    assert "tellal_processes{" not in answer.text


def test_without_the_database_the_processes_still_speak(app, client, scrape, monkeypatch):
    client.get("/health/live")
    monkeypatch.setattr(app.extensions["tellal"].db, "engine", _away())
    found = scrape()
    assert found("tellal_database_up") == 0
    assert found("tellal_broker_up") == 1
    assert found("tellal_http_requests_total", route="probe", status="200") == 1
    assert found("tellal_stage_waiting", stage="received") is None


def test_there_are_not_more_series_where_there_is_more_of_all(runtime: Runtime, scrape):
    before = len(scrape().samples)
    today = utcnow().astimezone(_zone(runtime)).date()
    with runtime.db.write() as session:
        for number in range(200):
            host = f"host{number}.example.org"
            session.add(
                TallyDay(
                    day=today, kind="feed", destination_kind="websub", lane=host, state=1, count=5
                )
            )
            session.add(DelayDay(day=today, destination_kind="email", lane=host, bucket=9, count=2))
            session.add(MailLane(name=host, links=1, closed_until=utcnow() + timedelta(hours=1)))
    found = scrape()
    assert found("tellal_today_deliveries", channel="websub", outcome="sent") == 1_000
    # Three quantiles of email, and what the first scrape has counted of itself.
    assert len(found.samples) <= before + 3 + 16


def test_a_scrape_counts_no_ledger_and_walks_no_large_table(app, runtime: Runtime, scrape):
    if not runtime.db.is_sqlite:  # so much that the planner sees what is many and what is few
        fill(runtime.db, 200, 200, str)
        with runtime.db.write() as session:
            session.execute(MANY, {"names": sorted({*BIG, "delivery_default"})})
    engine = app.extensions["tellal"].db.engine
    with heard(engine) as said:
        scrape()
    assert len(said) > 20
    assert [one.statement for one in said if unbounded_counts(one.statement)] == []
    if runtime.db.is_sqlite:
        return
    plans = [(one, plan_of(engine, one, by_index=True)) for one in said]
    assert [(plan.full, one.statement) for one, plan in plans if plan.full] == []


# What a planner goes by that has a city's rows before it.
MANY = text("UPDATE pg_class SET reltuples = 1000000 WHERE relkind = 'r' AND relname = ANY(:names)")


def _zone(runtime: Runtime):
    from zoneinfo import ZoneInfo

    return ZoneInfo(runtime.settings.timezone)


def _away():
    from service.db import Database

    return Database("postgresql+psycopg://nobody@127.0.0.1:1/nowhere?connect_timeout=2").engine


def test_a_folder_that_is_gone_hides_no_other_metric(scrape, monkeypatch):
    def gone(_path):
        raise FileNotFoundError

    monkeypatch.setattr(page.shutil, "disk_usage", gone)
    said = scrape()
    assert said("tellal_disk_free_bytes") is None
    assert said("tellal_database_up") == 1
