"""Planning: who is told, once, whatever dies or runs beside it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger import plan
from service.ledger.layout import Shares
from service.ledger.plan import Overtaken, begin_planning, plan_range
from service.models import (
    Article,
    Batch,
    Delivery,
    DeliveryState,
    Frequency,
    Notification,
    NotificationState,
    Story,
)
from tests.integration.ledger.ranges import in_ranges_of
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
QUEUED, SUPPRESSED = DeliveryState.QUEUED, DeliveryState.SUPPRESSED


def test_topic_and_place_both_have_to_match(town):
    told = {
        town.reader(): "its topic",
        town.reader(None): "everything",
        town.reader(None, "beydag"): "everything about its district",
        town.reader(place="beydag"): "its topic in its district",
    }
    town.reader("spor")
    town.reader(place="konak")
    town.reader("spor", "beydag")
    town.reader(None, "konak")

    notification = town.planned(town.article(places=("beydag",)))

    assert set(town.states(notification)) == set(told)


def test_an_article_without_a_place_concerns_every_district(town):
    reader = town.reader(place="konak")

    assert set(town.states(town.planned())) == {reader}


def test_an_article_without_a_topic_goes_only_to_those_who_want_everything(town):
    reader = town.reader(None)
    town.reader()

    assert set(town.states(town.planned(town.article(topics=())))) == {reader}


def test_labels_that_wait_for_review_tell_nobody(town, runtime):
    from service.models import LabelState, TopicLabel

    town.reader("spor")
    article = town.article(topics=("iklim-cevre", "spor"))
    with runtime.db.write() as session:
        session.execute(
            update(TopicLabel)
            .where(TopicLabel.topic_id == town.topic("spor"))
            .values(state=LabelState.REVIEW)
        )

    assert town.states(town.planned(article)) == {}


def test_who_may_not_be_told_is_left_out_or_planned_as_suppressed(town):
    ended, unverified = town.reader(), town.reader(is_verified=False)
    town.unsubscribe(ended)
    daily = town.reader(frequency=Frequency.DAILY)
    weekly = town.reader(frequency=Frequency.WEEKLY)
    paused, bounced = town.reader(is_paused=True), town.reader(is_suppressed=True)
    told = town.reader()

    notification = town.planned()

    assert town.states(notification) == {told: QUEUED, paused: SUPPRESSED, bounced: SUPPRESSED}
    assert not {ended, unverified, daily, weekly} & set(town.states(notification))
    assert town.get(Notification, notification).planned == 3


def test_two_matching_subscriptions_are_one_delivery(town):
    reader = town.reader()
    for topic, place in ((None, None), ("spor", None), ("iklim-cevre", "beydag")):
        town.subscribe(reader, topic, place)

    notification = town.planned(town.article(("iklim-cevre", "spor"), ("beydag",)))

    assert town.states(notification) == {reader: QUEUED}
    assert town.get(Notification, notification).planned == 1


def test_a_person_is_told_a_story_once(town):
    both, late = town.reader(), town.reader("spor")
    first = town.article()
    second = town.article(("iklim-cevre", "spor"), story_id=town.get(Article, first).story_id)

    assert set(town.states(town.planned(first))) == {both}
    assert set(town.states(town.planned(second))) == {late}


def test_nobody_to_tell_ends_the_notification(town):
    notification = town.get(Notification, town.planned())

    assert notification.state == NotificationState.DONE
    assert notification.planned == 0


def test_each_lane_has_batches_of_its_own_and_no_batch_is_too_big(town, runtime, monkeypatch):
    monkeypatch.setattr("service.ledger.batches.BATCH_SIZE", 3)
    town.readers(7)
    town.reader(lane="gmail")
    town.channel("json://127.0.0.1:1/")

    notification = town.planned()

    per_batch = Counter(row.batch_id for row in town.all(Delivery))
    lanes = Counter((row.kind, row.lane) for row in town.all(Batch))
    assert lanes == {("email", "other"): 3, ("email", "gmail"): 1, ("chat", "json"): 1}
    assert max(per_batch.values()) == 3
    assert None not in per_batch
    assert town.counts(notification) == {QUEUED: 9}


def test_a_plan_that_died_between_two_ranges_goes_on_where_it_stopped(town, runtime, monkeypatch):
    in_ranges_of(4, monkeypatch)
    readers = town.readers(10)
    notification = town.notification(town.article())
    with runtime.db.write() as session:
        plan_range(session, begin_planning(session, notification, utcnow()), Shares(), utcnow())
    assert town.counts(notification) == {QUEUED: 4}
    assert town.get(Notification, notification).state == NotificationState.PLANNING

    plan_notification(runtime, notification)

    assert set(town.states(notification)) == set(readers)
    assert town.get(Notification, notification).planned == 10


def test_a_plan_that_died_inside_a_range_leaves_nothing_of_it(town, runtime, monkeypatch):
    in_ranges_of(4, monkeypatch)
    readers = town.readers(6)
    notification = town.notification(town.article())

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(plan, "Cutter", die)
        with pytest.raises(KeyboardInterrupt):
            plan_notification(runtime, notification)
    assert (town.count(Delivery), town.get(Notification, notification).cursor) == (0, 0)

    plan_notification(runtime, notification)

    assert set(town.states(notification)) == set(readers)


def test_planning_a_second_time_changes_nothing(town, runtime):
    town.readers(3)
    notification = town.planned()
    batches = town.batches()

    plan_notification(runtime, notification)

    assert town.batches() == batches
    assert town.get(Notification, notification).planned == 3


def test_eight_planners_at_once_plan_everybody_once(town, runtime, monkeypatch):
    in_ranges_of(5, monkeypatch)
    readers = town.readers(40)
    notification = town.notification(town.article())
    barrier = threading.Barrier(8)

    def start(_: int) -> None:
        barrier.wait()
        plan_notification(runtime, notification)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))
    plan_notification(runtime, notification)  # what the sweeper does, should all have lost a race

    assert set(town.states(notification)) == set(readers)
    row = town.get(Notification, notification)
    assert (row.planned, row.state) == (40, NotificationState.PLANNED)


def test_a_planner_that_was_overtaken_writes_nothing(town, runtime, monkeypatch):
    in_ranges_of(2, monkeypatch)
    town.readers(4)
    notification = town.notification(town.article())
    with runtime.db.write() as session:
        stale = begin_planning(session, notification, utcnow())
    plan_notification(runtime, notification)

    with pytest.raises(Overtaken), runtime.db.write() as session:
        plan_range(session, stale, Shares(), utcnow())

    assert town.count(Delivery) == 4


def test_two_articles_of_one_story_are_never_planned_at_once(town, runtime, monkeypatch):
    in_ranges_of(2, monkeypatch)
    town.readers(4)
    first = town.article()
    second = town.article(story_id=town.get(Article, first).story_id)
    one, two = town.notification(first), town.notification(second)
    with runtime.db.write() as session:
        plan_range(session, begin_planning(session, one, utcnow()), Shares(), utcnow())

    plan_notification(runtime, two)
    assert town.states(two) == {}

    plan_notification(runtime, one)
    plan_notification(runtime, two)
    assert (town.counts(one), town.counts(two)) == ({QUEUED: 4}, {})
    assert town.get(Story, town.get(Article, first).story_id).planner is None


def test_a_story_whose_planner_died_is_free_again_after_its_time(town, runtime):
    reader = town.reader()
    article = town.article()
    with runtime.db.write() as session:
        session.execute(
            update(Story)
            .where(Story.id == town.get(Article, article).story_id)
            .values(planner=999, planner_until=utcnow() - timedelta(seconds=1))
        )

    assert set(town.states(town.planned(article))) == {reader}


def test_a_withdrawal_during_planning_plans_nobody_else(town, runtime, monkeypatch):
    in_ranges_of(2, monkeypatch)
    town.readers(6)
    notification = town.notification(town.article())
    with runtime.db.write() as session:
        plan_range(session, begin_planning(session, notification, utcnow()), Shares(), utcnow())
    with runtime.db.write() as session:
        session.execute(update(Notification).values(stopped_at=utcnow()))

    plan_notification(runtime, notification)

    row = town.get(Notification, notification)
    assert (row.state, row.planned) == (NotificationState.PLANNED, 2)


def test_nothing_but_a_released_notification_is_planned(town, runtime):
    town.reader()
    for state in (NotificationState.HELD, NotificationState.CANCELLED, NotificationState.DONE):
        plan_notification(runtime, town.notification(town.article(), state=state))
    plan_notification(runtime, 10**15)

    assert town.count(Delivery) == 0


def test_a_range_that_adds_nobody_is_followed_by_a_whole_one(town, runtime, monkeypatch):
    monkeypatch.setattr(plan, "FIRST_RANGE_SIZE", 2)
    town.readers(9)
    notification = town.planned()
    with runtime.db.write() as session:
        assert plan.plan_again(session, notification, utcnow())
    shares, ranges = Shares(), 0

    while True:
        with runtime.db.write() as session:
            begun = begin_planning(session, notification, utcnow())
            if plan_range(session, begun, shares, utcnow()) is None:
                break
        ranges += 1

    assert ranges == 2
