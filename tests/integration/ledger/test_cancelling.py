"""A cancel is for good, for what was released before it; what may have arrived is not rewritten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger import cancel as cancelling
from service.ledger import lease as leases
from service.ledger.cancel import cancel, count_unsent
from service.ledger.halts import pause
from service.ledger.outcome import Outcome
from service.ledger.publish import release
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    HaltScope,
    Notification,
    NotificationKind,
    NotificationState,
)
from tests.integration.ledger.cancelling import settle_cancelled
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")

QUEUED, SENT, DEFERRED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DEFERRED
UNKNOWN, CANCELLED = DeliveryState.UNKNOWN, DeliveryState.CANCELLED
ALL, ARTICLE, TOPIC, CHANNEL, LANE = HaltScope


@pytest.fixture
def call_off(runtime):
    """Cancels, as the command does; returns how many it was to meet."""

    def call_off(scope: HaltScope, object_id: int = 0) -> int:
        now = utcnow()
        with runtime.db.read() as session:
            count = count_unsent(session, scope, object_id, now)
        with runtime.db.write() as session:
            cancel(session, scope, object_id, "yanlış", None, now)
        settle_cancelled(runtime, scope, object_id, now)
        return count

    return call_off


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


@pytest.mark.parametrize("scope", [ALL, ARTICLE, TOPIC, CHANNEL])
def test_a_cancel_in_the_middle_of_a_batch_leaves_unsent_what_is_not_on_the_wire(
    town, runtime, call_off, deliver, scope
):
    if scope == CHANNEL:
        rooms = [town.channel(f"json://127.0.0.1:1/{number}") for number in range(3)]
        object_id, met = town.get(Destination, rooms[1]).channel_id, rooms[1:2]
        first = rooms[0]
    else:
        rooms = town.readers(120)
        met, first = rooms, rooms[4]
    notification = town.planned()
    if scope != CHANNEL:
        numbers = {ALL: 0, ARTICLE: article_of(town, notification), TOPIC: town.topic()}
        object_id = numbers[scope]

    def act(destination: int, on_wire) -> None:
        if destination == first:
            call_off(scope, object_id)

    sent = deliver(Recorder(act))

    states = town.states(notification)
    assert len(set(sent) & set(met)) <= leases.SLICE
    assert {one for one in rooms if states[one] == SENT} == set(sent)
    assert {one for one in rooms if states[one] == CANCELLED} == set(rooms) - set(sent)
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_a_channel_that_was_cancelled_is_left_out_of_a_batch_and_the_others_are_told(
    town, call_off, deliver
):
    one, two = town.channel("json://127.0.0.1:1/"), town.channel("json://127.0.0.1:1/b")
    notification = town.planned()

    assert call_off(CHANNEL, town.get(Destination, one).channel_id) == 1
    assert deliver() == [two]
    assert town.states(notification) == {one: CANCELLED, two: SENT}


def test_who_asks_by_another_topic_too_is_told_by_that(town, call_off, deliver):
    one, both = town.reader(), town.reader()
    town.subscribe(both, "spor")
    notification = town.planned(town.article(topics=("iklim-cevre", "spor")))

    assert call_off(TOPIC, town.topic()) == 1
    assert deliver() == [both]
    assert town.states(notification) == {one: CANCELLED, both: SENT}


@pytest.mark.parametrize("scope", [ALL, ARTICLE, TOPIC])
def test_what_waits_for_its_next_try_is_settled_at_once_and_in_steps(
    town, runtime, call_off, deliver, monkeypatch, scope
):
    monkeypatch.setattr(cancelling, "RANGE_SIZE", 2)
    readers = town.readers(5)
    notification = town.planned()
    answers = {readers[0]: Outcome(UNKNOWN, detail="no answer"), readers[1]: None}
    busy = Outcome(DEFERRED, "4.7.1", "later")
    deliver(Recorder(lambda destination, _: answers.get(destination, busy)))
    assert town.counts(notification) == {DEFERRED: 4, SENT: 1}
    numbers = {ALL: 0, ARTICLE: article_of(town, notification), TOPIC: town.topic()}

    assert call_off(scope, numbers[scope]) == 4

    states = town.states(notification)
    assert (
        states
        == {
            readers[0]: UNKNOWN,  # it may have arrived
            readers[1]: SENT,
            **dict.fromkeys(readers[2:], CANCELLED),
        }
    )
    assert town.get(Delivery, (notification, readers[0])).revision_id is not None
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_a_cancel_settles_what_a_pause_held(town, runtime, call_off, deliver):
    town.readers(3)
    notification = town.planned()
    with runtime.db.write() as session:
        pause(session, ALL, 0, "arıza", None, utcnow())
    deliver()

    assert call_off(TOPIC, town.topic()) == 3
    assert deliver() == []
    assert town.counts(notification) == {CANCELLED: 3}


@pytest.mark.parametrize("scope", [ALL, TOPIC])
def test_later_news_are_not_touched(town, runtime, call_off, deliver, scope):
    readers = town.readers(2)
    held = town.notification(town.article(), state=NotificationState.HELD)
    with runtime.db.write() as session:
        session.execute(update(Notification).values(released_at=None))
    call_off(scope, town.topic() if scope == TOPIC else 0)
    with runtime.db.write() as session:
        assert release(session, held, utcnow(), timedelta(0))
    plan_notification(runtime, held)

    assert deliver() == readers


def test_a_held_article_that_is_cancelled_goes_to_the_feeds_and_to_nobody(
    town, runtime, call_off, deliver
):
    town.readers(2)
    article = town.article()
    held = town.notification(article, state=NotificationState.HELD)
    call_off(ARTICLE, article)
    with runtime.db.write() as session:
        assert release(session, held, utcnow(), timedelta(0))
    plan_notification(runtime, held)

    assert deliver() == []
    assert town.get(Article, article).feed_seq is not None
    assert town.get(Notification, held).state == NotificationState.DONE


def test_a_held_correction_is_cancelled_and_a_later_one_is_another(town, runtime, call_off):
    article = town.article()
    with runtime.db.write() as session:
        session.add(
            Notification(
                kind=NotificationKind.CORRECTION,
                state=NotificationState.HELD,
                article_id=article,
                release_at=utcnow(),
            )
        )

    call_off(ARTICLE, article)

    (row,) = town.news()
    assert row.state == NotificationState.CANCELLED


def test_who_was_spared_a_repetition_of_a_cancelled_article_is_told_that(
    town, runtime, call_off, deliver
):
    readers = town.readers(3)
    first = town.article()
    notification = town.planned(first)
    other = town.planned(town.article(story_id=town.get(Article, first).story_id))
    assert town.counts(other) == {}

    call_off(ARTICLE, first)
    plan_notification(runtime, other)

    assert deliver() == readers
    assert town.counts(notification) == {CANCELLED: 3}
    assert town.counts(other) == {SENT: 3}


def test_what_the_service_itself_says_is_never_cancelled(town, call_off, deliver):
    reader = town.reader()
    town.message(reader)

    assert call_off(ALL) == 0
    assert deliver() == [reader]
