"""Runs: one for each day, whoever asks, however late, and whatever died in the middle."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import redis

from service.ledger.layout import Shares
from service.ledger.plan import begin_planning, plan_range
from service.ledger.waiting import waiting_plans
from service.models import Batch, DeliveryState, DigestRun, Frequency, Notification
from service.tasks import Queue
from tests.integration.broker import rows
from tests.integration.digests.conftest import TUESDAY
from tests.integration.ledger.ranges import in_ranges_of
from workers.digest import make_due_runs
from workers.plan import plan_notification
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")
DAY = timedelta(days=1)


class Killed(BaseException):
    """Nothing catches it."""


def die_in_a_range(session, digest, now):
    plan_range(session, begin_planning(session, digest, now), Shares(), now)
    raise Killed


def dailies(press):
    return [run for run in press.runs() if run.frequency == Frequency.DAILY]


def test_two_sweepers_at_once_make_each_run_once(press, runtime, town, daily, yesterday):
    daily()
    press.release(yesterday)
    barrier = threading.Barrier(2)

    def make() -> int:
        barrier.wait()
        return make_due_runs(runtime)

    with ThreadPoolExecutor(2) as pool:
        made = sum(one.result() for one in [pool.submit(make) for _ in range(2)])

    assert made == 2  # a daily and a weekly one
    assert town.count(DigestRun) == 2
    assert make_due_runs(runtime) == 0


def test_each_day_has_its_own_news_and_none_is_lost_or_told_twice(press, town, daily, yesterday):
    reader = daily()
    first = press.release(yesterday)
    (one,) = press.plan()
    second = press.release(press.at(TUESDAY, 8, 0) + timedelta(seconds=1))
    press.turn_to(press.at(TUESDAY + DAY, 8, 1))

    (other,) = press.plan()

    assert press.told(one) == {reader: [first]}
    assert press.told(other) == {reader: [second]}


def test_a_release_that_committed_a_moment_after_eight_is_told_the_next_day(
    press, town, daily, yesterday
):
    reader = daily()
    press.release(yesterday)
    press.plan()
    late = press.release(press.at(TUESDAY, 7, 59))
    press.turn_to(press.at(TUESDAY + DAY, 8, 1))

    (digest,) = press.plan()

    assert press.told(digest) == {reader: [late]}


def test_who_was_down_for_days_makes_one_run_of_all_of_them(press, town, daily, yesterday):
    reader = daily()
    press.release(yesterday)
    press.plan()
    missed = [press.release(press.at(TUESDAY + n * DAY, 12)) for n in range(3)]
    press.turn_to(press.at(TUESDAY + 3 * DAY, 23))

    (digest,) = press.plan()

    assert [run.day for run in dailies(press)] == [TUESDAY, TUESDAY + 3 * DAY]
    assert press.told(digest) == {reader: sorted(missed)}


def test_a_day_without_news_has_a_run_and_no_letter(press, town, daily):
    daily()

    assert press.plan() == []
    assert [run.notification_id for run in press.runs()] == [None, None]


def test_the_week_is_told_on_monday_and_leaves_out_what_the_days_told(press, town, daily):
    monday = date(2031, 6, 9)
    weekly = town.reader("spor", frequency=Frequency.WEEKLY)
    both = daily()
    town.subscribe(both, "spor", None, Frequency.WEEKLY)
    press.plan()
    article = press.release(press.at(TUESDAY, 12), ("iklim-cevre", "spor"))
    sport = press.release(press.at(TUESDAY, 13), ("spor",))
    press.turn_to(press.at(TUESDAY + DAY, 8, 1))
    press.plan()
    press.send()
    press.turn_to(press.at(monday, 8, 1))

    digests = press.plan()
    press.send()

    assert press.told(digests[-1]) == {weekly: [article, sport], both: [sport]}
    assert [one.subject.partition(":")[0] for one in press.letters()] == [
        "Bugünün haberleri",
        "Haftanın haberleri",
        "Haftanın haberleri",
    ]


def test_a_death_between_two_ranges_loses_and_doubles_nobody(
    press, town, daily, yesterday, runtime, monkeypatch, clock
):
    in_ranges_of(3, monkeypatch)
    readers = [daily() for _ in range(10)]
    press.release(yesterday)
    (digest,) = press.make()
    with pytest.raises(Killed), runtime.db.write() as session:
        die_in_a_range(session, digest, clock())
    with runtime.db.write() as session:
        begun = begin_planning(session, digest, clock())
        plan_range(session, begun, Shares(), clock())
    assert 0 < town.get(Notification, digest).cursor < readers[-1]

    plan_notification(runtime, digest)
    press.send()

    assert press.states(digest) == dict.fromkeys(readers, DeliveryState.SENT)
    assert set(town.mails().values()) == {1}


def test_the_sweeper_makes_plans_and_sends_it_without_any_bell(
    deaf, press, town, daily, yesterday, clock
):
    daily()
    press.release(yesterday)

    for _ in range(3):
        sweep_once(deaf)
        clock.advance(seconds=30)

    assert len(press.letters()) == 1


def test_a_digest_waits_for_news_that_are_being_planned_but_not_for_ever(
    press, town, daily, yesterday, runtime, clock
):
    reader = daily()
    press.release(yesterday, is_planned=False)
    (digest,) = press.plan()
    assert press.states(digest) == {}

    clock.advance(minutes=11)
    plan_notification(runtime, digest)

    assert press.states(digest) == {reader: DeliveryState.QUEUED}
    assert town.count(Batch) == 1


def test_a_digest_whose_bell_was_lost_is_rung_for_on_its_own_queue(press, runtime, settings, daily):
    """Never before news, nor behind a queue that is full of them."""
    for _ in range(2):
        daily()
    press.release(press.at(TUESDAY - DAY, 15))
    (digest,) = press.make()
    late = press.town.notification(press.town.article())
    later = press.at(TUESDAY, 8, 3)

    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as broker:
        broker.flushall()
        press.turn_to(later)
        sweep_once(runtime)
        rung = rows(broker, Queue.DIGEST)
    with runtime.db.write() as session:
        beside_news = waiting_plans(session, later, later + DAY, {Queue.DIGEST})
        beside_digests = waiting_plans(session, later, later + DAY, {Queue.FANOUT})

    assert rung == [digest]
    assert [ring.row_id for ring in beside_news] == [late]
    assert [ring.row_id for ring in beside_digests] == [digest]
