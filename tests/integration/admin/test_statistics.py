"""Statistics: pages, CSV, API and command line say the same, and nobody can be counted out."""

from __future__ import annotations

import csv
import json
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from service.admin.csv_export import csv_response
from service.admin.figures import FEW, PERIODS, Period, shown
from service.admin.statistic import STATISTICS
from service.cli import cli
from service.cli.stats import TABLES
from service.db import utcnow
from service.ledger import bounce_days, halts
from service.models import (
    Bounce,
    BounceDay,
    ChatTarget,
    Destination,
    Figure,
    HaltScope,
    Notification,
    Place,
    ReaderDay,
    Subscription,
    Topic,
)
from service.models.subscription import Frequency
from service.subscriptions import reader_days, silence
from service.subscriptions.silence import Silence
from tests.browser.numbers_town import fill
from tests.integration.town import TOPIC
from workers.count import count_readers, count_tallies

ZONE = ZoneInfo("Europe/Istanbul")


@pytest.fixture
def full(runtime) -> None:
    with runtime.db.write() as session:
        fill(session, utcnow().astimezone(ZONE).date(), 40)


def figures(runtime, figure: Figure) -> dict[str, int]:
    with runtime.db.read() as session:
        found = session.scalars(select(ReaderDay).where(ReaderDay.figure == figure))
        return {row.key: row.count for row in found if row.count}


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("days", [7, 90])
def test_page_csv_and_api_say_the_same(signed_in, program, days):
    viewer, key = signed_in("viewer"), program("viewer")
    for name in STATISTICS:
        answer = key.get(f"/v1/admin/statistics/{name}?days={days}")
        assert answer.status_code == 200, answer.text
        table = answer.json
        file = viewer.get(f"/staff/statistics/csv?chart={name}&days={days}")
        assert file.headers["Content-Disposition"] == (
            f'attachment; filename="tellal-{name}-{days}.csv"'
        )
        lines = list(csv.reader(file.text.removeprefix("\ufeff").splitlines()))
        assert lines[0] == [column["name"] for column in table["columns"]]
        assert len(lines) == len(table["rows"]) + 1
        for line, row in zip(lines[1:], table["rows"], strict=True):
            assert line == ["" if cell is None else str(cell) for cell in row]
    for path in ("", "/readers", "/gaps"):
        page = viewer.get(f"/staff/statistics{path}?days={days}")
        assert page.status_code == 200
        assert '<svg class="chart"' in page.text


@pytest.mark.usefixtures("full", "command_line")
def test_the_command_line_prints_each(program):
    assert list(TABLES) == list(STATISTICS)
    key = program()
    for name in ("deliveries", "topics", "silent"):
        result = CliRunner().invoke(cli, ["stats", name, "--csv"])
        assert result.exit_code == 0, result.output
        rows = key.get(f"/v1/admin/statistics/{name}").json["rows"]
        assert len(result.stdout.splitlines()) == len(rows) + 1
    assert "6400" in CliRunner().invoke(cli, ["stats", "topics"]).stdout


def test_what_there_is_not_is_404_and_a_wrong_period_is_said(signed_in, program):
    key, viewer = program(), signed_in("viewer")
    assert key.get("/v1/admin/statistics/none").status_code == 404
    assert key.get("/v1/admin/statistics/topics?days=8").status_code == 422
    assert viewer.get("/staff/statistics/csv?chart=none").status_code == 404
    assert viewer.get("/staff/statistics?days=x").status_code == 200
    names = [one["name"] for one in key.get("/v1/admin/statistics").json["items"]]
    assert names == list(STATISTICS)


def test_readers_are_counted_once_a_day_by_what_they_asked_for(runtime, town, clock):
    both = town.reader(TOPIC)
    town.subscribe(both, "ulasim", frequency=Frequency.DAILY)
    town.subscribe(both, TOPIC, "konak")
    gone = town.reader(TOPIC)
    town.unsubscribe(gone)
    town.reader(None, is_verified=False)
    town.channel("json://127.0.0.1:9/x")
    clock.advance(days=1)
    count_readers(runtime)
    count_readers(runtime)

    assert figures(runtime, Figure.READERS) == {"": 1}
    assert figures(runtime, Figure.TOPIC) == {
        str(town.topic(TOPIC)): 1,
        str(town.topic("ulasim")): 1,
    }
    assert figures(runtime, Figure.PLACE) == {"0": 1, str(town.place("konak")): 1}
    assert figures(runtime, Figure.FREQUENCY) == {"instant": 1, "daily": 1}
    assert figures(runtime, Figure.KIND) == {"email": 1}
    assert figures(runtime, Figure.JOINED) == {"": 2}
    assert figures(runtime, Figure.LEFT) == {"": 1}


def test_ranges_add_up_and_days_that_were_missed_are_counted_later(
    runtime, town, clock, monkeypatch
):
    monkeypatch.setattr(silence, "STEP", 2)
    town.readers(5)
    count_readers(runtime)
    clock.advance(days=3)
    assert reader_days.count_missing(runtime.db, runtime.settings, clock()) == 5
    clock.advance(days=1)
    assert reader_days.count_missing(runtime.db, runtime.settings, clock()) == 3

    joined = {row.day: row.count for row in town.all(ReaderDay) if row.figure == Figure.JOINED}
    assert sum(joined.values()) == 5
    today = clock().astimezone(ZONE).date()
    assert max(joined) == today - timedelta(days=1)
    snapshots = [row for row in town.all(ReaderDay) if row.figure == Figure.READERS]
    assert [row.count for row in snapshots] == [5, 5, 5]


def test_why_subscriptions_never_fire(runtime, town, clock, command_line):
    place, local = town.place("konak"), {}
    chat = {"kind": "ntfy", "sealed_address": "", "label": ""}
    occurs = town.article((TOPIC,), ("bornova",))
    assert occurs
    silent = {
        "unverified::": town.reader(is_verified=False),
        "suppressed::": town.reader(is_suppressed=True),
        "off::": town.reader(is_paused=True),
        "channel::": town.channel("json://127.0.0.1:9/x"),
        "break::": town.reader(),
        f"terms:{town.topic('spor')}:": town.reader("spor"),
        f"news:{town.topic('ulasim')}:": town.reader("ulasim"),
        f"pair:{town.topic(TOPIC)}:{place}": town.reader(TOPIC, "konak"),
        f"district::{town.place('buca')}": town.reader(TOPIC, "buca"),
        "kind::": town.reader(),
        "scheme::": town.channel("syslog://nowhere"),
        "urgent::": town.reader(frequency=Frequency.DAILY),
    }
    for topic, where in ((TOPIC, None), (None, None), (TOPIC, "konak"), (TOPIC, "bornova")):
        local[where] = town.reader(topic, where)  # these can
    with runtime.db.write() as session:
        ids = [silent[f"pair:{town.topic(TOPIC)}:{place}"], local["bornova"]]
        ids.append(silent[f"district::{town.place('buca')}"])
        session.execute(
            update(Subscription)
            .where(Subscription.destination_id.in_(ids))
            .values(is_local_only=True)
        )
        session.execute(
            update(Destination)
            .where(Destination.id == silent["break::"])
            .values(paused_until=utcnow() + timedelta(days=900))
        )
        session.execute(update(Place).where(Place.slug == "buca").values(is_on=False))
        session.add(ChatTarget(destination_id=silent["kind::"], **chat))
        session.execute(
            update(Destination)
            .where(Destination.id == silent["urgent::"])
            .values(is_urgent_only=True)
        )
        session.execute(update(Topic).where(Topic.slug == "spor").values(terms=[], sections=[]))
        channel = session.get_one(Destination, silent["channel::"]).channel_id
        halts.pause(session, HaltScope.CHANNEL, channel, "Bakım", None, utcnow())
    count_readers(runtime)
    young = figures(runtime, Figure.SILENT)
    clock.advance(days=100)
    count_readers(runtime)
    newest = max(row.day for row in town.all(ReaderDay))
    old = {
        row.key: row.count
        for row in town.all(ReaderDay)
        if row.figure == Figure.SILENT and row.day == newest
    }

    assert old == dict.fromkeys(silent, 1)
    # A town whose archive began today knows nothing of what never occurs.
    assert set(young) == {
        *("suppressed::", "off::", "break::", f"terms:{town.topic('spor')}:"),
        *("kind::", "scheme::", "urgent::", f"district::{town.place('buca')}"),
    }

    told = json.loads(CliRunner().invoke(cli, ["subscriptions", "never", "--json"]).stdout)
    assert {one["reason"] for one in told} >= {"kind", "scheme", "urgent", "district"}
    assert {one["subscriptions"] for one in told} == {None}  # fewer than five
    sure = [one["certainty"] for one in told]
    assert sure == sorted(sure, key=["never", "unseen", "partly"].index)
    said = CliRunner().invoke(cli, ["subscriptions", "never"]).stdout
    assert "The district is switched off (buca)" in said
    assert "@example.org" not in said


def test_a_topic_without_terms_that_had_news_is_not_said_to_have_none_ever(runtime, town, clock):
    """Staff add topics by hand, and a model scores them without a term."""
    for topic in (TOPIC, "spor"):
        town.reader(topic)
    assert town.article((TOPIC,))
    with runtime.db.write() as session:
        session.execute(update(Topic).values(terms=[], sections=[]))
    allowed = silence.Allowed.of(runtime.settings)
    never = f"{Silence.NO_TERMS}:{town.topic('spor')}:"
    day = timedelta(days=1)

    assert silence.count_all(runtime.db, allowed, clock(), day) == {never: 1}
    clock.advance(days=100)
    assert silence.count_all(runtime.db, allowed, clock(), 365 * day) == {never: 1}
    unseen = f"{Silence.NO_NEWS}:{town.topic(TOPIC)}:"
    assert silence.count_all(runtime.db, allowed, clock(), 30 * day) == {never: 1, unseen: 1}


def test_counting_what_waits_in_vain_walks_keys_alone(runtime, town):
    town.readers(300)
    allowed = silence.Allowed((), ())
    query = silence._query(allowed, 0, 20, utcnow())
    sql = query.compile(runtime.db.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if runtime.db.is_sqlite else "EXPLAIN"
    with runtime.db.write() as session:
        if not runtime.db.is_sqlite:
            session.execute(text("ANALYZE"))
            session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(str(row[-1]) for row in session.execute(text(f"{explain} {sql}")))

    scanned = re.findall(r"(?:SCAN|Seq Scan on) (\w+)", plan)
    assert "subscription" in plan
    assert set(scanned) <= {"CONSTANT"}, plan


def test_bounces_are_counted_by_domain_and_small_ones_together(runtime, town, clock):
    rows = [("gmail.com", "gmail", 2), ("buyuk.example", "other", 6), ("ben.example", "other", 4)]
    numbers = iter(range(1, 100))
    with runtime.db.write() as session:
        for domain, lane, count in rows:
            session.add_all(
                Bounce(
                    notification_id=1,
                    destination_id=next(numbers),
                    verdict="hard",
                    lane=lane,
                    domain=domain,
                )
                for _ in range(count)
            )
    clock.advance(days=1)
    count_readers(runtime)
    assert bounce_days.count_missing(runtime.db, ZONE, clock()) >= 1  # again: nothing twice

    found = {row.domain: row.count for row in town.all(BounceDay)}
    assert found == {"gmail.com": 2, "buyuk.example": 6, "": 4}


def test_a_small_domain_is_not_named(runtime, program):
    today = utcnow().astimezone(ZONE).date()
    with runtime.db.write() as session:
        for domain, count in (("gmail.com", 3), ("hotmail.com", 12), ("", 4)):
            session.add(BounceDay(day=today, domain=domain, verdict="hard", count=count))
    rows = program().get("/v1/admin/statistics/bounces").json["rows"]

    assert [row[:2] for row in rows] == [["hotmail.com", 10], ["Öteki alan adlarının tümü", 5]] or [
        row[1] for row in rows
    ] == [10, 5]
    assert "gmail.com" not in str(rows)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=8))
def test_no_hidden_figure_follows_from_the_others(counts: list[int]) -> None:
    """Whatever a hidden cell is, the same table could be shown for each of one to four."""
    table, total = [shown(one) for one in counts], shown(sum(counts))
    hidden = [at for at, one in enumerate(table) if one is None]
    if total is None or len(hidden) != 1 or sum(counts) - counts[hidden[0]] == 0:
        return
    known = [one for at, one in enumerate(table) if at != hidden[0] and one]
    possible = {
        value
        for value in range(1, FEW)
        for rest in range(sum(known), sum(known) + (FEW - 1) * len(known) + 1)
        if shown(rest + value) == total
    }
    assert counts[hidden[0]] in possible
    assert len(possible) >= 2


@given(st.integers(0, 10_000))
def test_one_person_more_or_less_is_seldom_seen_and_never_under_five(count: int) -> None:
    assert shown(count) in (None, count - count % FEW)
    assert (shown(count) is None) == (0 < count < FEW)


@pytest.mark.parametrize("days", PERIODS)
def test_every_day_of_a_period_is_in_one_of_its_steps(days: int) -> None:
    period = Period(utcnow().date(), days)
    day = period.first
    while day <= period.today:
        assert period.step_of(day) in period.steps
        assert timedelta(0) <= day - period.step_of(day) < timedelta(days=period.width)
        day += timedelta(days=1)
    assert days <= (period.today - period.first).days + 1 < days + period.width


def test_no_cell_of_a_csv_is_a_formula() -> None:
    bad = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    with Flask(__name__).test_request_context():
        text_ = csv_response("x", ["a"], [[one] for one in bad] + [[-5]]).get_data(as_text=True)
    rows: list[Any] = list(csv.reader(text_.removeprefix("\ufeff").splitlines()[1:]))
    assert all(row[0].startswith("'") for row in rows[:4])
    assert rows[-1] == ["-5"]


def test_deliveries_and_delays_are_shown_by_the_city_s_day(
    runtime, town, program, clock, work, cms
):
    town.readers(3)
    cms.post()
    clock.advance(hours=1)
    work()
    count_tallies(runtime)
    today = clock().astimezone(ZONE).date().isoformat()
    key = program()
    days = {row[0]: row for row in key.get("/v1/admin/statistics/deliveries").json["rows"]}
    assert town.all(Notification)[0].tallied_end is not None
    assert days[today][1] == 3
    (delay,) = [row for row in key.get("/v1/admin/statistics/delays").json["rows"] if row[1]]
    assert delay[1] == pytest.approx(3_600, rel=0.1)
