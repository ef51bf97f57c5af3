"""Resending goes to exactly those who did not get it, whatever dies or runs beside it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.ledger import plan
from service.ledger.cancel import cancel
from service.ledger.layout import Shares
from service.ledger.outcome import Outcome
from service.ledger.publish import withhold
from service.ledger.resend import ResendError, missing, news_of, resend, unknown
from service.ledger.sweep import replay_journals
from service.models import (
    Article,
    Batch,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    HaltScope,
    Notification,
    NotificationState,
    Suppression,
)
from tests.integration.ledger.cancelling import settle_cancelled
from tests.integration.ledger.ranges import in_ranges_of
from tests.integration.ledger.recorder import Recorder
from tests.integration.ledger.test_dying import die_in_the_middle
from workers.deliver import deliver_batch
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")

SENT, REJECTED, UNKNOWN = DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.UNKNOWN
DEFERRED, SUPPRESSED = DeliveryState.DEFERRED, DeliveryState.SUPPRESSED
CANCELLED, QUEUED = DeliveryState.CANCELLED, DeliveryState.QUEUED
NO = Outcome(REJECTED, "5.7.1", "550 not now")
LOST = Outcome(UNKNOWN, detail="no answer")


@pytest.fixture
def deliver(runtime, town):
    """Delivers every batch that is due, once; returns whom it told."""

    def deliver(sender: Recorder | None = None) -> list[int]:
        sender = sender or Recorder()
        for batch in town.batches():
            deliver_batch(runtime, batch, sender)
        return sender.sent

    return deliver


@pytest.fixture
def again(runtime, town):
    """Resends an article; returns what was missing."""

    def again(notification: int, *, with_unknown: bool = False) -> Counter[str]:
        article_id = town.get(Notification, notification).article_id
        with runtime.db.write() as session:
            article, news = news_of(session, article_id, for_update=True)
            found = missing(session, article, news)
            resend(news, utcnow(), with_unknown=with_unknown)
        plan_notification(runtime, notification)
        return found

    return again


def mixed(town, runtime, deliver) -> tuple[int, dict[str, int]]:
    """A notification with readers of every fate; returns it and them, by name."""
    names = ("sent", "rejected", "left", "back", "lost", "bounced", "busy")
    who = dict(zip(names, town.readers(len(names)), strict=True))
    who["quiet"] = town.reader(is_suppressed=True)
    who["mended"] = town.reader(is_paused=True)
    notification = town.planned()
    town.unsubscribe(who["left"])
    town.unsubscribe(who["back"])
    answers = {
        who["rejected"]: NO,
        who["bounced"]: NO,
        who["lost"]: LOST,
        who["busy"]: Outcome(DEFERRED, "4.7.1", "later", retry_after_s=3600),
    }
    assert deliver(Recorder(lambda one, _: answers.get(one))) == [who["sent"]]
    with runtime.db.write() as session:  # the letter's second try is lost too
        session.execute(
            update(Delivery)
            .where(Delivery.destination_id == who["lost"])
            .values(state=UNKNOWN, due_at=None)
        )
        bounced = session.get_one(Destination, who["bounced"]).address_hash
        session.add(Suppression(address_hash=bounced, reason="bounce"))
        session.execute(update(Destination).values(is_paused=False))
    town.subscribe(who["back"])
    who["late"] = town.reader()
    town.reader("spor")
    return notification, who


def test_a_resend_goes_to_exactly_those_who_did_not_get_it_and_may_be_told_now(
    town, runtime, deliver, again
):
    notification, who = mixed(town, runtime, deliver)

    found = again(notification)

    wanted = {who[name] for name in ("rejected", "back", "mended", "late")}
    assert found == {"rejected": 1, "suppressed": 2, "unplanned": 1, "unknown": 1}
    assert Counter(deliver()) == Counter(wanted)
    states = town.states(notification)
    assert {one for one, state in states.items() if state == SENT} == wanted | {who["sent"]}
    assert states[who["lost"]] == UNKNOWN
    assert (states[who["left"]], states[who["quiet"]]) == (SUPPRESSED, SUPPRESSED)
    assert (states[who["bounced"]], states[who["busy"]]) == (REJECTED, DEFERRED)
    assert again(notification) == {"unknown": 1}
    assert deliver() == []


def test_the_unknown_get_it_once_more_and_only_if_that_is_asked_for(town, runtime, deliver, again):
    lost, told = town.readers(2)
    notification = town.planned()
    deliver(Recorder(lambda one, _: LOST if one == lost else None))
    with runtime.db.write() as session:
        session.execute(update(Delivery).where(Delivery.state == DEFERRED).values(state=UNKNOWN))
        session.execute(update(Delivery).values(due_at=None))
    with runtime.db.read() as session:
        assert unknown(session, session.get_one(Notification, notification), 20) == [lost]
    assert again(notification) == {"unknown": 1}
    assert deliver() == []

    again(notification, with_unknown=True)
    deliver(Recorder(lambda *_: LOST))
    assert town.states(notification) == {lost: UNKNOWN, told: SENT}
    assert town.get(Notification, notification).state == NotificationState.DONE

    again(notification, with_unknown=True)
    assert deliver() == [lost]
    assert town.counts(notification) == {SENT: 2}


def test_one_in_doubt_who_leaves_before_the_resend_is_unknown_again(town, runtime, deliver, again):
    room = town.channel("json://127.0.0.1:1/")
    notification = town.planned()
    deliver(Recorder(lambda *_: LOST))
    again(notification, with_unknown=True)
    town.unsubscribe(room)

    assert deliver() == []
    assert town.states(notification) == {room: UNKNOWN}
    assert town.all(Delivery)[0].revision_id is not None


def test_what_was_rejected_although_it_may_have_arrived_counts_as_unknown(
    town, runtime, deliver, again
):
    (reader,) = town.readers(1)
    notification = town.planned()
    deliver(Recorder(lambda *_: LOST))
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=REJECTED, due_at=None))

    assert again(notification) == {"unknown": 1}
    assert deliver() == []
    again(notification, with_unknown=True)
    assert deliver() == [reader]


@pytest.mark.parametrize("scope", [HaltScope.ALL, HaltScope.ARTICLE, HaltScope.TOPIC])
def test_what_was_cancelled_is_sent_after_all(town, runtime, deliver, again, scope):
    readers = town.readers(120)
    notification = town.planned()
    article = town.get(Notification, notification).article_id
    numbers = {HaltScope.ALL: 0, HaltScope.ARTICLE: article, HaltScope.TOPIC: town.topic()}

    def act(destination: int, on_wire) -> None:
        if destination == readers[4]:
            now = utcnow()
            with runtime.db.write() as session:
                cancel(session, scope, numbers[scope], "yanlış", None, now)
            settle_cancelled(runtime, scope, numbers[scope], now)

    first = deliver(Recorder(act))
    rest = 120 - len(first)
    assert town.counts(notification) == {SENT: len(first), CANCELLED: rest}

    assert again(notification) == {"cancelled": rest}
    row = town.get(Notification, notification)
    assert (row.state, row.done_at, row.resend) == (NotificationState.PLANNED, None, None)
    assert Counter(first + deliver()) == Counter(readers)
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_old_news_that_is_resent_is_news_again(town, runtime, deliver, again, clock):
    (reader,) = town.readers(1)
    notification = town.planned()
    clock.advance(hours=30)
    assert deliver() == []
    assert town.counts(notification) == {REJECTED: 1}

    with runtime.db.write() as session:
        article_id = session.get_one(Notification, notification).article_id
        _, news = news_of(session, article_id, for_update=True)
        resend(news, clock(), with_unknown=False)
    plan_notification(runtime, notification)

    assert deliver() == [reader]


def test_two_resends_at_once_double_nobody(town, runtime, deliver, monkeypatch):
    in_ranges_of(5, monkeypatch)
    readers = town.readers(40)
    notification = town.planned()
    first = deliver(Recorder(lambda one, _: NO if one in readers[:20] else None))
    town.readers(10)
    article = town.get(Notification, notification).article_id
    barrier = threading.Barrier(2)

    def start(_: int) -> list[int]:
        barrier.wait()
        with runtime.db.write() as session:
            _, news = news_of(session, article, for_update=True)
            resend(news, utcnow(), with_unknown=True)
        plan_notification(runtime, notification)
        return deliver(Recorder())

    with ThreadPoolExecutor(2) as pool:
        sent = [*first, *chain.from_iterable(pool.map(start, range(2)))]
    plan_notification(runtime, notification)
    sent += deliver()

    assert set(Counter(sent).values()) == {1}
    assert len(sent) == 50
    assert town.counts(notification) == {SENT: 50}


def test_a_rejection_after_the_resend_is_not_taken_up_by_a_later_pass(
    town, runtime, deliver, again
):
    town.readers(2)
    notification = town.planned()
    deliver(Recorder(lambda *_: NO))
    again(notification)
    deliver(Recorder(lambda *_: NO))
    with runtime.db.write() as session:
        assert plan.plan_again(session, notification, utcnow())
    plan_notification(runtime, notification)

    assert deliver() == []
    assert town.counts(notification) == {REJECTED: 2}


def test_a_planner_that_dies_in_the_middle_of_a_resend_leaves_nobody_out(
    town, runtime, deliver, again, monkeypatch
):
    in_ranges_of(3, monkeypatch)
    readers = town.readers(10)
    notification = town.planned()
    deliver(Recorder(lambda *_: NO))
    with runtime.db.write() as session:
        article_id = session.get_one(Notification, notification).article_id
        _, news = news_of(session, article_id, for_update=True)
        resend(news, utcnow(), with_unknown=False)
    with runtime.db.write() as session:  # one range, then nothing more
        begun = plan.begin_planning(session, notification, utcnow())
        assert plan.plan_range(session, begun, Shares(), utcnow())
    first = deliver()
    assert len(first) == 3

    plan_notification(runtime, notification)

    assert Counter(first + deliver()) == Counter(readers)


def test_who_was_told_by_another_article_of_the_story_is_left_out(town, runtime, deliver, again):
    one, two = town.readers(2)
    first = town.article()
    notification = town.planned(first)
    deliver(Recorder(lambda *_: NO))
    other = town.planned(town.article(story_id=town.get(Article, first).story_id))
    deliver(Recorder(lambda destination, _: NO if destination == two else None))
    assert town.states(other) == {one: SENT, two: REJECTED}

    assert again(notification) == {"rejected": 1}
    assert deliver() == [two]


def test_a_channel_that_was_mended_gets_what_it_missed(town, runtime, deliver, again):
    room = town.channel("json://127.0.0.1:1/")
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=True))
    notification = town.planned()
    assert town.counts(notification) == {SUPPRESSED: 1}
    assert again(notification) == {}
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=False))

    assert again(notification) == {"suppressed": 1}
    assert deliver() == [room]


def test_a_worker_killed_in_the_middle_then_a_resend_doubles_nobody_and_leaves_nobody_out(
    town, runtime, deliver, again
):
    rooms = [town.channel(f"json://127.0.0.1:1/{number}") for number in range(6)]
    notification = town.planned()
    (batch,) = town.batches()
    journals = runtime.settings.var_dir / "journal"
    die_in_the_middle(runtime, journals, batch, rooms[:2], rooms[2])
    late = town.channel("json://127.0.0.1:1/late")

    found = again(notification)  # before anybody has looked at what the dead one left
    replay_journals(runtime.db, journals, utcnow())
    told = deliver()

    assert found == {"unplanned": 1}
    assert Counter(told) == Counter([*rooms[3:], late])
    assert town.states(notification) == {
        **dict.fromkeys([*rooms[:2], *rooms[3:], late], SENT),
        rooms[2]: UNKNOWN,
    }
    assert again(notification) == {"unknown": 1}
    assert deliver() == []
    with runtime.db.read() as session:
        assert unknown(session, session.get_one(Notification, notification), 20) == [rooms[2]]


def test_each_reason_not_to_resend_is_one_clear_sentence(town, runtime):
    held = town.article()
    town.notification(held, state=NotificationState.HELD)
    withdrawn, advertising = town.article(), town.article()
    for article in (withdrawn, advertising):
        town.planned(article)
    with runtime.db.write() as session:
        withhold(session, session.get_one(Article, withdrawn), utcnow())
        session.get_one(Article, advertising).is_commercial = True
    refused = {
        10**15: "there is no article",
        town.article(): "never news",
        held: "still held",
        withdrawn: "is withdrawn",
        advertising: "is advertising",
    }
    for article, words in refused.items():
        with runtime.db.write() as session, pytest.raises(ResendError, match=words):
            news_of(session, article, for_update=True)


def test_a_resend_of_what_was_cancelled_while_it_was_held_lets_it_go_in_its_time(town, runtime):
    article = town.article()
    held = town.notification(article, state=NotificationState.HELD)
    with runtime.db.write() as session:
        cancel(session, HaltScope.ARTICLE, article, "yanlış", None, utcnow())
    with runtime.db.write() as session:
        _, news = news_of(session, article, for_update=True)
        resend(news, utcnow(), with_unknown=False)

    row = town.get(Notification, held)
    assert (row.state, row.stopped_at, row.resend) == (NotificationState.HELD, None, None)


def test_urgent_news_is_resent_on_its_own_queue(town, runtime, deliver, again):
    town.readers(1)
    notification = town.notification(town.article())
    with runtime.db.write() as session:
        session.execute(update(Notification).values(is_urgent=True))
    plan_notification(runtime, notification)
    deliver(Recorder(lambda *_: NO))
    again(notification)

    assert {batch.queue for batch in town.all(Batch)} == {"urgent"}
    with runtime.db.write() as session:
        assert session.scalars(select(Delivery.attempts)).all() == [0]
    deliver()
