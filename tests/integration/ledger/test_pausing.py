"""A pause takes effect within one batch; a resume sends the rest, and nothing again."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger import hold
from service.ledger import lease as leases
from service.ledger.claim import claim
from service.ledger.halts import pause, resume
from service.ledger.hold import free_held
from service.ledger.lease import LeaseLost
from service.ledger.sweep import waiting_batches
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Destination,
    HaltScope,
    Notification,
    NotificationState,
)
from tests.integration.ledger.recorder import Recorder
from tests.integration.ledger.test_locking import _wait_for_a_waiter
from workers.deliver import deliver_batch

pytestmark = pytest.mark.usefixtures("full_audit")

QUEUED, SENT, REJECTED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.REJECTED
SUPPRESSED = DeliveryState.SUPPRESSED
ALL, ARTICLE, TOPIC, CHANNEL, LANE = HaltScope


@pytest.fixture
def stop(runtime):
    """Pauses, in a transaction of its own."""

    def stop(scope: HaltScope, object_id: int = 0) -> bool:
        with runtime.db.write() as session:
            return pause(session, scope, object_id, "arıza", None, utcnow())

    return stop


@pytest.fixture
def go_on(runtime):
    """Resumes; returns how many batches are due again."""

    def go_on(scope: HaltScope, object_id: int = 0) -> int:
        with runtime.db.write() as session:
            resume(session, scope, object_id, utcnow())
        return free_held(runtime.db, runtime.doorbell, scope, object_id, utcnow())

    return go_on


@pytest.fixture
def deliver(runtime, town):
    """Delivers every batch that is due, once; returns whom it told."""

    def deliver(sender: Recorder | None = None) -> list[int]:
        sender = sender or Recorder()
        for batch in town.batches():
            deliver_batch(runtime, batch, sender)
        return sender.sent

    return deliver


def article_of(town, notification: int) -> int:
    return town.get(Notification, notification).article_id


@pytest.mark.parametrize("scope", [ALL, ARTICLE])
def test_a_pause_stops_a_batch_under_way_with_its_slice_and_a_resume_sends_the_rest_once(
    town, stop, go_on, deliver, scope
):
    readers = town.readers(120)
    notification = town.planned()
    object_id = article_of(town, notification) if scope == ARTICLE else 0

    def act(destination: int, on_wire) -> None:
        if destination == readers[4]:
            assert stop(scope, object_id)

    first = deliver(Recorder(act))

    assert 5 <= len(first) <= leases.SLICE
    (batch,) = town.all(Batch)
    assert (batch.state, batch.lease, batch.attempts) == (BatchState.READY, None, 0)
    assert batch.due_at > utcnow() + timedelta(minutes=1)
    assert town.counts(notification) == {SENT: len(first), QUEUED: 120 - len(first)}
    assert sum(row.attempts for row in town.all(Delivery)) == len(first)
    assert deliver() == []

    assert go_on(scope, object_id) == 1
    assert Counter(first + deliver()) == Counter(readers)
    assert go_on(scope, object_id) == 0
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_a_pause_between_the_look_and_the_wire_lets_no_byte_leave(
    town, stop, go_on, deliver, monkeypatch
):
    monkeypatch.setattr("workers.parcel.FRESH_S", 0.0)
    one, two = town.readers(2)
    notification = town.planned()

    def act(destination: int, on_wire) -> None:
        if destination == two:
            stop(ALL)  # while the peer is slow to answer

    assert deliver(Recorder(act)) == [one]
    assert town.states(notification) == {one: SENT, two: QUEUED}
    assert {row.attempts for row in town.all(Batch)} == {0}

    go_on(ALL)
    assert deliver() == [two]


def test_a_paused_mail_lane_waits_and_no_other_and_no_sign_in_link(town, runtime, deliver, go_on):
    slow, other = town.reader(lane="gmail"), town.reader(lane="other")
    notification = town.planned()
    with runtime.db.write() as session:
        assert pause(session, LANE, 7, "yavaş", None, utcnow(), lane="gmail")
    assert deliver() == [other]
    assert town.states(notification) == {slow: QUEUED, other: SENT}
    town.message(slow)
    assert deliver() == [slow]

    assert go_on(LANE, 7) == 1
    assert deliver() == [slow]
    assert town.states(notification) == {slow: SENT, other: SENT}


def test_paused_batches_are_neither_rung_nor_spun(town, runtime, stop, deliver, clock):
    town.readers(3)
    stop(ALL)
    notification = town.planned()
    for _ in range(3):
        assert deliver() == []
        clock.advance(minutes=16)

    (batch,) = town.all(Batch)
    assert (batch.attempts, town.counts(notification)) == (0, {QUEUED: 3})
    clock.advance(minutes=-2)
    with runtime.db.write() as session:
        assert waiting_batches(session, clock(), clock() + timedelta(hours=1)) == []


def test_what_the_service_itself_says_goes_on_while_everything_is_paused(town, stop, deliver):
    reader = town.reader()
    stop(ALL)
    town.message(reader)

    assert deliver() == [reader]


def test_who_asks_by_a_paused_topic_alone_waits_and_others_go_by_another_reason(
    town, stop, go_on, deliver
):
    one, both, everything = town.reader(), town.reader(), town.reader(None)
    town.subscribe(both, "spor")
    notification = town.planned(town.article(topics=("iklim-cevre", "spor")))
    stop(TOPIC, town.topic())

    assert sorted(deliver()) == [both, everything]
    assert town.states(notification) == {one: QUEUED, both: SENT, everything: SENT}
    assert deliver() == []
    assert town.get(Notification, notification).state == NotificationState.PLANNED

    go_on(TOPIC, town.topic())
    assert deliver() == [one]
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_the_reason_that_goes_on_is_the_one_that_a_letter_names(town, runtime, stop):
    reader = town.reader()
    other = town.subscribe(reader, "spor")
    town.planned(town.article(topics=("iklim-cevre", "spor")))
    stop(TOPIC, town.topic())
    seen = []

    class Looker(Recorder):
        def send(self, row, on_wire):
            seen.append(row["subscription_id"])
            return super().send(row, on_wire)

    deliver_batch(runtime, town.batches()[0], Looker())

    assert seen == [other]


def test_two_paused_topics_hold_until_one_of_them_goes_on(town, stop, go_on, deliver):
    reader = town.reader()
    town.subscribe(reader, "spor")
    town.planned(town.article(topics=("iklim-cevre", "spor")))
    stop(TOPIC, town.topic())
    stop(TOPIC, town.topic("spor"))
    assert deliver() == []

    go_on(TOPIC, town.topic("spor"))
    assert deliver() == [reader]


def test_a_paused_channel_waits_while_others_of_its_batch_go_on(town, stop, go_on, deliver):
    rooms = [town.channel(f"json://127.0.0.1:1/{number}") for number in range(3)]
    notification = town.planned()
    channel = town.get(Destination, rooms[0]).channel_id
    stop(CHANNEL, channel)

    assert deliver() == rooms[1:]
    assert town.states(notification) == {rooms[0]: QUEUED, rooms[1]: SENT, rooms[2]: SENT}
    first, aside = sorted(town.all(Batch), key=lambda batch: batch.id)
    assert (first.state, aside.state, aside.attempts) == (BatchState.DONE, BatchState.READY, 0)
    assert aside.queue == first.queue

    go_on(CHANNEL, channel)
    assert deliver() == [rooms[0]]


def test_a_topic_paused_in_the_middle_of_a_batch_sets_the_rest_of_its_readers_aside(
    town, stop, go_on, deliver
):
    climate, all_news = town.readers(80), town.readers(80, None)
    notification = town.planned()

    def act(destination: int, on_wire) -> None:
        if destination == climate[0]:
            stop(TOPIC, town.topic())

    first = deliver(Recorder(act))

    assert set(all_news) <= set(first)
    assert len(set(first) & set(climate)) <= leases.SLICE
    assert town.counts(notification) == {SENT: len(first), QUEUED: 160 - len(first)}
    go_on(TOPIC, town.topic())
    assert Counter(first + deliver()) == Counter(climate + all_news)


def test_a_successor_on_another_host_never_takes_what_was_set_aside_for_what_was_sent(
    town, runtime, stop, go_on, deliver
):
    """It calls the first queued rows of the batch unknown: those that its owner was at."""
    waiting, others = town.readers(60), town.readers(60, None)
    notification = town.planned()
    stop(TOPIC, town.topic())

    def die(destination: int, on_wire) -> None:
        if destination == others[3]:
            with runtime.db.write() as session:
                taken = update(Batch).where(Batch.state == BatchState.LEASED)
                session.execute(taken.values(lease="elsewhere-0011", due_at=utcnow()))

    first = deliver(Recorder(die))
    again = deliver()

    states = town.states(notification)
    assert not set(first) & set(again)
    assert set(first) <= {one for one in others if states[one] == DeliveryState.DEFERRED}
    assert {states[one] for one in waiting} == {QUEUED}
    go_on(TOPIC, town.topic())
    assert set(deliver()) == set(waiting)


def test_what_waited_longer_than_news_lives_is_rejected_as_expired(
    town, stop, go_on, deliver, clock
):
    town.readers(2)
    notification = town.planned()
    stop(ALL)
    assert deliver() == []
    clock.advance(hours=25)
    go_on(ALL)

    assert deliver() == []
    assert town.counts(notification) == {REJECTED: 2}


def test_who_leaves_during_a_pause_is_not_told_after_it(town, stop, go_on, deliver):
    stays, goes = town.readers(2)
    notification = town.planned()
    stop(ALL)
    deliver()
    town.unsubscribe(goes)
    go_on(ALL)

    assert deliver() == [stays]
    assert town.states(notification) == {stays: SENT, goes: SUPPRESSED}


def test_resuming_one_article_leaves_another_paused(town, stop, go_on, deliver):
    town.readers(2)
    one, two = town.planned(), town.planned()
    for notification in (one, two):
        stop(ARTICLE, article_of(town, notification))
    deliver()

    assert go_on(ARTICLE, article_of(town, one)) == 1
    deliver()
    assert (town.counts(one), town.counts(two)) == ({SENT: 2}, {QUEUED: 2})


def test_pausing_twice_says_so_and_keeps_the_first_reason(town, stop, go_on):
    assert stop(TOPIC, 7)
    assert not stop(TOPIC, 7)
    assert stop(TOPIC, 8)
    go_on(TOPIC, 7)
    assert stop(TOPIC, 7)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_batch_that_is_handed_back_while_somebody_resumes_is_freed_too(
    town, runtime, stop, go_on, deliver
):
    """On SQLite they take turns anyway: it has one writer."""
    readers = town.readers(2)
    town.planned()
    stop(ALL)
    with runtime.db.write() as session:
        lease = claim(session, town.batches()[0], utcnow(), runtime.settings.var_dir / "journal")

    with ThreadPoolExecutor(1) as pool:
        with runtime.db.write() as session:
            assert hold.hold(session, lease, utcnow())
            freed = pool.submit(go_on, ALL)
            _wait_for_a_waiter(runtime.db)
        assert freed.result(10) == 1
    assert deliver() == readers


def test_who_lost_the_batch_hands_nothing_back(town, runtime, stop):
    town.readers(2)
    town.planned()
    stop(ALL)
    with runtime.db.write() as session:
        lease = claim(session, town.batches()[0], utcnow(), runtime.settings.var_dir / "journal")
        session.execute(update(Batch).values(lease="somebody-else"))

    with pytest.raises(LeaseLost), runtime.db.write() as session:
        hold.hold(session, lease, utcnow())

    (batch,) = town.all(Batch)
    assert (batch.lease, batch.held_at) == ("somebody-else", None)


def test_many_batches_are_freed_in_steps(town, stop, go_on, deliver, monkeypatch):
    monkeypatch.setattr(hold, "STEP", 2)
    town.readers(1)
    for _ in range(5):
        town.planned()
    stop(ALL)
    deliver()

    assert go_on(ALL) == 5
    assert len(deliver()) == 5
