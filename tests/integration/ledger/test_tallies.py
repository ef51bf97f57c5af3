"""Tallies: what pages say of deliveries, counted by a chore and kept in step with the rows."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update

from service.db import utcnow
from service.ledger import counts, tallies, tallying
from service.ledger.audit import audit
from service.ledger.counts import outcome_counts
from service.ledger.delays import ERROR, bucket_of, percentile
from service.ledger.plan import plan_again
from service.models import (
    Article,
    DelayDay,
    Delivery,
    DeliveryState,
    Notification,
    NotificationState,
    Tally,
    TallyDay,
)
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
ZONE = ZoneInfo("Europe/Istanbul")


@pytest.fixture
def count(runtime, clock):
    """Counts what is due; returns how many."""
    return lambda **options: tallying.count_due(runtime.db, ZONE, clock(), **options)


@pytest.fixture
def told(runtime, town, clock):
    """Ends a planned notification: everybody got it after so many seconds from publication."""

    def end(notification_id: int, seconds: float = 60.0) -> int:
        article = town.get(Article, town.get(Notification, notification_id).article_id)
        with runtime.db.write() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.notification_id == notification_id)
                .values(
                    state=DeliveryState.SENT,
                    revision_id=article.revision_id,
                    settled_at=article.published_at + timedelta(seconds=seconds),
                )
            )
            session.execute(text("UPDATE batch SET state = 2"))
            session.execute(
                update(Notification)
                .where(Notification.id == notification_id)
                .values(state=NotificationState.DONE, done_at=clock())
            )
        return notification_id

    return end


def shown(runtime, town, notification_id: int) -> counts.Counts:
    with runtime.db.read() as session:
        return outcome_counts(session, town.get(Notification, notification_id).article_id)


def days(runtime) -> dict[int, int]:
    total = func.sum(TallyDay.count)
    with runtime.db.read() as session:
        found = session.execute(select(TallyDay.state, total).group_by(TallyDay.state))
        return {state: int(count) for state, count in found if count}


def test_a_small_notification_is_exact_before_anything_is_counted(runtime, town):
    town.readers(3)
    found = shown(runtime, town, town.planned())

    assert (found["planned"], found["queued"], found.as_of) == (3, 3, None)


def test_a_large_one_is_as_of_its_tally_and_what_was_planned_since_is_queued(
    runtime, town, count, monkeypatch, clock
):
    monkeypatch.setattr(counts, "EXACT", 2)
    town.readers(3)
    notification = town.planned()
    before = shown(runtime, town, notification)
    count()
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SUPPRESSED))
    stale = shown(runtime, town, notification)
    clock.advance(minutes=11)
    count()
    fresh = shown(runtime, town, notification)

    assert (before["queued"], before.as_of is not None) == (3, True)
    assert (stale["queued"], stale["suppressed"]) == (3, 0)
    assert (fresh["queued"], fresh["suppressed"], fresh["planned"]) == (0, 3, 3)
    assert fresh.as_of > stale.as_of


def test_what_is_over_is_read_from_its_tally_alone(runtime, town, told, count):
    town.readers(4)
    notification = told(town.planned())
    assert count() == 1
    assert count() == 0
    with runtime.db.write() as session:
        session.execute(text("DELETE FROM delivery"))
    found = shown(runtime, town, notification)
    assert (found["sent"], found["planned"], found.as_of) == (4, 4, None)
    with runtime.db.write() as session:  # the audit compares both
        assert [one.rule for one in audit(session) if "tally" in one.rule]
        session.execute(text("DELETE FROM tally"))
        session.execute(text("DELETE FROM tally_day"))
        session.execute(text("UPDATE notification SET planned = 0"))


def test_what_is_opened_again_is_counted_again_and_adds_nothing_twice(
    runtime, town, told, count, clock
):
    town.readers(2)
    notification = told(town.planned())
    count()
    town.readers(3)
    with runtime.db.write() as session:
        assert plan_again(session, notification, clock())
    plan_notification(runtime, notification)
    assert shown(runtime, town, notification)["planned"] == 5
    count()
    told(notification)
    count()

    assert shown(runtime, town, notification)["sent"] == 5
    assert days(runtime) == {DeliveryState.SENT: 5}
    assert town.all(Tally)[0].total == 5


def test_two_counts_at_once_count_once(runtime, town, told, count, monkeypatch):
    town.readers(2)
    told(town.planned())
    real, depth = tallying._steps, []

    def steps(db, due):
        if not depth:
            depth.append(1)
            assert count() == 1  # somebody else, while this one reads
        yield from real(db, due)

    monkeypatch.setattr(tallying, "_steps", steps)
    assert count() == 0
    assert days(runtime) == {DeliveryState.SENT: 2}


def test_a_step_ends_where_the_next_begins(runtime, town, told, count, monkeypatch):
    monkeypatch.setattr(tallying, "STEP", 3)
    town.readers(7)
    told(town.planned())
    count()

    assert town.all(Tally)[0].sent == 7


def test_what_is_under_way_is_counted_the_more_seldom_the_older_it_is(town, count, clock):
    town.readers(2)
    town.planned()
    found = []
    for seconds in (0, 5, 15, 60 * 60, 30, 11 * 60):
        clock.advance(seconds=seconds)
        found.append(count())

    assert found == [1, 0, 1, 1, 0, 1]


def test_delays_are_kept_by_day_and_lane(runtime, town, told, count):
    town.reader(lane="gmail")
    town.readers(2)
    told(town.planned(), seconds=100.0)
    count()
    with runtime.db.read() as session:
        lanes = tallies.by_lane(session, utcnow().date() - timedelta(days=2))

    assert {row.lane: row.count for row in town.all(DelayDay)} == {"gmail": 1, "other": 2}
    assert set(lanes) == {"gmail", "other"}
    assert lanes["gmail"].counts == {DeliveryState.SENT: 1}
    assert lanes["other"].p50_s == pytest.approx(100.0, rel=ERROR)


@pytest.mark.parametrize("seconds", [1.0, 1.4, 59.0, 3_600.0, 86_400.0, 800_000.0])
def test_a_percentile_is_as_exact_as_it_is_said_to_be(seconds):
    assert percentile({bucket_of(seconds): 10}, 0.95) == pytest.approx(seconds, rel=ERROR)


def test_percentiles_of_nothing_of_a_moment_and_of_ever():
    assert percentile({}, 0.5) is None
    assert percentile({bucket_of(-4.0): 1}, 0.5) == 0.5
    assert percentile({0: 95, bucket_of(1e9): 5}, 0.95) == 0.5
    assert percentile({0: 94, bucket_of(1e9): 6}, 0.95) > 800_000
