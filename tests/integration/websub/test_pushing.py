"""Pushes: to whom, once, in which order, and what becomes of those that are not taken."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from service.admin.delivery_figures import channels, deliveries
from service.admin.figures import Period
from service.ledger.counts import outcome_counts
from service.ledger.followup import follow, told
from service.ledger.halts import pause, resume
from service.ledger.hold import free_held
from service.ledger.publish import stamp_feeds
from service.ledger.tallies import by_lane
from service.ledger.tallying import count_due
from service.models import (
    Article,
    Batch,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    HaltScope,
    Notification,
    NotificationKind,
    Tally,
    Topic,
    WebsubSubscription,
)
from tests.integration.websub.conftest import TOPIC_URL
from workers.plan import plan_notification
from workers.retain import forget_expired
from workers.websub import send_websub_batch
from workers.websub.places import AT_ONCE, AT_ONCE_OTHERS, SLOW_CALL_S, Places

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
CITY = ZoneInfo("Europe/Istanbul")
FEEDS = "http://localhost:8080/feeds"


def test_nothing_is_planned_where_nobody_is_subscribed(hub, publish, town):
    publish()
    assert town.all(Notification) == []


def test_only_those_are_pushed_to_whose_feed_has_changed(hub, callbacks, publish):
    keys = (
        *("all", "iklim-cevre", "spor", "iklim-cevre+spor", "all@bornova", "all@buca"),
        *("iklim-cevre@bornova", "iklim-cevre@~bornova", "spor@bornova", "all@~bornova"),
    )
    for key in keys:
        hub.subscribe(callbacks.url(key), f"{FEEDS}/{key}.json")

    def pushed() -> set[str]:
        hub.work()
        found = {call.path.strip("/") for call in callbacks.pushed}
        callbacks.calls.clear()
        return found

    publish(("iklim-cevre",), places=("bornova",))
    assert pushed() == {
        *("all", "iklim-cevre", "iklim-cevre+spor", "all@bornova"),
        *("iklim-cevre@bornova", "iklim-cevre@~bornova", "all@~bornova"),
    }
    publish(("spor",))  # of the whole city
    assert pushed() == {
        *("all", "spor", "iklim-cevre+spor", "all@bornova", "all@buca", "spor@bornova"),
    }
    publish(("ulasim",), places=("buca",))
    assert pushed() == {"all", "all@buca"}


def test_an_edit_and_a_withdrawal_are_pushed_too(
    hub, callbacks, publish, runtime, take_back, clock
):
    hub.subscribe(callbacks.url())
    article_id = publish()
    hub.work()
    with runtime.db.write() as session:
        stamp_feeds(session, article_id, clock())
    hub.work()
    take_back(article_id)
    hub.work()

    assert len(callbacks.pushed) == 3
    assert b"deleted-entry" in callbacks.pushed[-1].body
    assert [one.state for one in hub.deliveries()] == [SENT] * 3


def test_a_burst_is_one_push_for_each_subscriber(hub, callbacks, publish, town):
    hub.subscribe(callbacks.url("one"))
    hub.subscribe(callbacks.url("two"))
    for number in range(4):
        publish(title=f"Haber {number}")
    hub.work()

    assert sorted(call.path for call in callbacks.pushed) == ["/one", "/two"]
    assert b"Haber 3" in callbacks.pushed[0].body
    assert [one.state for one in hub.deliveries()] == [SENT] * 8
    said = [one.detail for one in town.all(DeliveryAnswer) if "later document" in one.detail]
    assert len(said) == 6


def test_a_push_that_fails_is_tried_again_and_the_lease_stays(hub, callbacks, publish, clock):
    hub.subscribe(callbacks.url())
    (before,) = hub.live()
    callbacks.answer = lambda call: (500, b"")
    publish()
    hub.work()
    publish()
    hub.work()

    assert len(callbacks.pushed) == 1  # the second one waits with the first
    assert [one.state for one in hub.deliveries()] == [DEFERRED, DEFERRED]
    (row,) = hub.live()
    assert (row.lease_until, row.failures, row.last_answer) == (before.lease_until, 1, "500")

    callbacks.answer = lambda call: (200, b"")
    clock.advance(minutes=6)
    hub.work()
    assert len(callbacks.pushed) == 2
    assert [one.state for one in hub.deliveries()] == [SENT, SENT]
    (row,) = hub.live()
    assert (row.failures, row.rest_until) == (0, None)


def test_one_that_is_away_for_days_is_tried_seldom_and_pushed_to_again(
    hub, callbacks, publish, clock
):
    hub.subscribe(callbacks.url())
    callbacks.answer = lambda call: (404, b"")
    publish()
    for _ in range(60):
        hub.work()
        clock.advance(minutes=30)
    tries = len(callbacks.pushed)
    assert 5 <= tries <= 12
    assert [one.state for one in hub.deliveries()] == [REJECTED]

    callbacks.answer = lambda call: (200, b"")
    clock.advance(hours=4)
    publish()
    hub.work()
    assert len(callbacks.pushed) == tries + 1


def test_a_redirect_of_a_push_is_not_followed(hub, callbacks, publish):
    hub.subscribe(callbacks.url())
    callbacks.answer = lambda call: (307, b"")
    callbacks.headers = {"Location": callbacks.url("else")}
    publish()
    hub.work()

    assert [call.path for call in callbacks.pushed] == ["/cb"]
    assert [one.state for one in hub.deliveries()] == [DEFERRED]


def test_410_ends_a_subscription(hub, callbacks, publish, clock):
    hub.subscribe(callbacks.url())
    callbacks.answer = lambda call: (410, b"")
    publish()
    hub.work()
    clock.advance(hours=1)
    publish()
    hub.work()

    assert len(callbacks.pushed) == 1
    (row,) = hub.rows()
    assert (row.end_reason, row.sealed_secret) == ("callback gone", None)


def test_nothing_is_pushed_past_the_lease(hub, callbacks, publish, clock):
    hub.subscribe(callbacks.url(), lease_seconds="3600")
    clock.advance(minutes=59)
    publish()
    hub.work()
    clock.advance(minutes=2)
    publish()
    hub.work()

    assert len(callbacks.pushed) == 1
    assert len(hub.deliveries()) == 1


def test_a_push_that_waited_past_the_lease_is_not_made(hub, callbacks, publish, clock):
    hub.subscribe(callbacks.url(), lease_seconds="3600")
    clock.advance(minutes=58)
    callbacks.answer = lambda call: (503, b"")
    publish()
    hub.work()
    clock.advance(minutes=10)
    hub.work()

    assert len(callbacks.pushed) == 1
    assert [one.state for one in hub.deliveries()] == [DeliveryState.SUPPRESSED]


def test_an_answer_that_never_comes_is_in_doubt_and_the_push_is_made_again(
    hub, callbacks, publish, clock, town, monkeypatch
):
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.2)
    hub.subscribe(callbacks.url())
    asked, over = threading.Event(), threading.Event()

    def hang(call):
        asked.set()
        over.wait(10)
        return 200, b""

    callbacks.answer = hang
    publish()
    hub.work()
    over.set()

    assert asked.is_set()
    (delivery,) = hub.deliveries()
    assert (delivery.state, delivery.maybe_revision_id) == (DEFERRED, 0)
    assert [one.code for one in town.all(DeliveryAnswer)][-1] == "unknown"
    callbacks.answer = lambda call: (200, b"")
    clock.advance(minutes=1)
    hub.work()
    assert len(callbacks.pushed) == 2
    assert [one.state for one in hub.deliveries()] == [SENT]


def test_a_slow_callback_delays_no_other_host(hub, callbacks, publish, runtime, settings, town):
    """The slow one is asked first and answers only when the other one has its document."""
    hub.runtime = runtime
    slow = hub.subscribe(callbacks.url("slow"))
    quick = hub.subscribe(callbacks.url("quick"))
    with runtime.db.write() as session:
        session.execute(update(Destination).where(Destination.id == quick).values(lane="other"))
    arrived, release = threading.Event(), threading.Event()

    def answer(call):
        if call.path == "/slow":
            arrived.set()
            assert release.wait(8)
        else:
            release.set()
        return 200, b""

    callbacks.answer = answer
    publish()
    (notification,) = [one.id for one in town.all(Notification) if one.kind == "feed"]
    plan_notification(runtime, notification)
    batches = town.batches(notification)
    assert len(batches) == 2
    first = threading.Thread(target=send_websub_batch, args=(runtime, min(batches)))
    first.start()
    assert arrived.wait(8) or callbacks.pushed
    send_websub_batch(runtime, max(batches))
    first.join()

    assert {one.destination_id: one.state for one in hub.deliveries()} == {slow: SENT, quick: SENT}


def test_two_workers_push_to_one_subscriber_in_turn(hub, callbacks, publish, runtime, town, clock):
    hub.subscribe(callbacks.url())
    publish(title="Birinci")
    publish(title="İkinci")
    found = [one.id for one in town.all(Notification) if one.kind == "feed"]
    for notification in found:
        plan_notification(runtime, notification)
    first, second = (batch for one in found for batch in town.batches(one))

    def answer(call):
        send_websub_batch(runtime, second)  # while the first one waits for its answer
        return 200, b""

    callbacks.answer = answer
    send_websub_batch(runtime, first)
    callbacks.answer = lambda call: (200, b"")
    clock.advance(seconds=5)
    hub.work()

    assert len(callbacks.pushed) == 1
    assert [one.state for one in hub.deliveries()] == [SENT, SENT]


def test_a_topic_that_vanishes_ends_its_subscriptions_and_says_so(hub, callbacks, publish, runtime):
    hub.subscribe(callbacks.url())
    publish()
    with runtime.db.write() as session:
        session.execute(update(Topic).where(Topic.slug == "iklim-cevre").values(slug="baska"))
    hub.work()

    denied = callbacks.asked[-1]
    assert denied.of("hub.mode") == "denied"
    assert (denied.of("hub.topic"), denied.of("hub.reason")) == (TOPIC_URL, "The topic is gone.")
    assert callbacks.pushed == []
    assert [row.end_reason for row in hub.rows()] == ["topic gone"]


def test_a_topic_that_vanishes_before_it_is_confirmed_is_denied(hub, callbacks, runtime):
    hub.ask(callbacks.url())
    with runtime.db.write() as session:
        session.execute(update(Topic).where(Topic.slug == "iklim-cevre").values(slug="baska"))
    hub.work()

    (denied,) = callbacks.calls
    assert denied.of("hub.mode") == "denied"
    assert hub.live() == []


def test_pushes_are_in_the_ledger_and_nobody_counts_as_told(
    hub, callbacks, publish, runtime, town, clock
):
    hub.subscribe(callbacks.url())
    article_id = publish()
    hub.work()
    count_due(runtime.db, CITY, clock(), is_all=True)

    with runtime.db.read() as session:
        assert outcome_counts(session, article_id)["planned"] == 0
        assert by_lane(session, clock().date() - timedelta(days=2)) == {}
        tallied = session.scalars(select(Tally)).all()
        assert sum(one.sent for one in tallied) == 2  # the question and the push
        period = Period(clock().astimezone(CITY).date(), 7)
        outcomes, ways = (made(session, period, None) for made in (deliveries, channels))
        assert sum(count for row in outcomes.rows for count in row[1:]) == 0
        assert sum(count for row in ways.rows for count in row[1:]) == 2  # as what they are


@pytest.mark.parametrize("kind", ["withdraw", "correct"])
def test_what_follows_an_article_up_goes_to_no_hub(hub, callbacks, publish, runtime, town, kind):
    hub.subscribe(callbacks.url())
    town.reader()
    article_id = publish()
    notification_id = town.planned(article_id)
    hub.work()
    with runtime.db.write() as session:
        article = session.get_one(Article, article_id, with_for_update=True)
        wanted = NotificationKind.WITHDRAWAL if kind == "withdraw" else NotificationKind.CORRECTION
        row = follow(session, article, wanted, "", article.created_at, "")
        assert row is not None
        assert told(session, row) == [notification_id]


def test_retention_forgets_subscriptions_and_their_callbacks(
    hub, callbacks, publish, runtime, clock, town
):
    hub.subscribe(callbacks.url("kept"), lease_seconds="2592000")
    hub.subscribe(callbacks.url("over"), lease_seconds="3600")
    callbacks.answer = lambda call: (404, b"")
    hub.ask(callbacks.url("never"))
    hub.work()
    clock.advance(hours=2)
    forget_expired(runtime)
    assert [row.end_reason for row in hub.rows() if row.ended_at] == ["lease over"]

    clock.advance(days=9)
    forget_expired(runtime)
    (row,) = hub.rows()
    assert row.ended_at is None
    gone = [one for one in town.all(Destination) if one.address_hash.startswith("forgotten:")]
    assert len(gone) == 2
    callbacks.answer = lambda call: (200, b"")
    publish()
    hub.work()
    assert [call.path for call in callbacks.pushed] == ["/kept"]


def test_a_stop_of_all_sending_holds_pushes_too(hub, callbacks, publish, runtime, clock):
    hub.subscribe(callbacks.url())
    with runtime.db.write() as session:
        pause(session, HaltScope.ALL, 0, "test", None, clock())
    publish()
    hub.work()
    assert callbacks.pushed == []

    with runtime.db.write() as session:
        resume(session, HaltScope.ALL, 0, clock())
    free_held(runtime.db, runtime.doorbell, HaltScope.ALL, 0, clock())
    hub.work()
    assert len(callbacks.pushed) == 1


def test_a_row_of_the_ledger_is_made_once(hub, callbacks, publish, runtime, town):
    hub.subscribe(callbacks.url())
    publish()
    (notification,) = [one.id for one in town.all(Notification) if one.kind == "feed"]
    for _ in range(2):
        plan_notification(runtime, notification)

    assert town.count(Delivery) == 2  # the question, and one push
    assert isinstance(hub.rows()[0], WebsubSubscription)


def test_slow_strangers_on_any_number_of_hosts_delay_no_known_subscriber(
    hub, callbacks, publish, runtime, town
):
    """As many strangers as there are places for them keep their questions waiting; others too."""
    hub.runtime = runtime
    known = hub.subscribe(callbacks.url("known"))
    publish()
    hub.work()
    with runtime.db.write() as session:
        values = {"host": "known.example.com"}
        session.execute(update(WebsubSubscription).values(**values))
        session.execute(update(Destination).values(lane=values["host"]))
    arrived, release = threading.Semaphore(0), threading.Event()

    def answer(call):
        if call.path != "/known":
            arrived.release()
            assert release.wait(8)
        return 200, call.query.get("hub.challenge", [""])[0].encode()

    callbacks.answer = answer
    waiting = []
    for number in range(AT_ONCE + AT_ONCE_OTHERS):
        assert hub.ask(callbacks.url(f"slow{number}")).status_code == 202
        with runtime.db.write() as session:
            newest = select(Destination.id).order_by(Destination.id.desc()).limit(1)
            batch = session.scalars(select(Batch.id).order_by(Batch.id.desc()).limit(1)).one()
            for one in (Destination, Batch):
                at = batch if one is Batch else session.scalars(newest).one()
                session.execute(
                    update(one).where(one.id == at).values(lane=f"slow{number}.example.com")
                )
        waiting.append(threading.Thread(target=send_websub_batch, args=(runtime, batch)))
        waiting[-1].start()
    try:
        for _ in range(AT_ONCE_OTHERS):
            assert arrived.acquire(timeout=8)
        before = len(callbacks.pushed)
        publish()
        notification = max(one.id for one in town.all(Notification) if one.kind == "feed")
        plan_notification(runtime, notification)
        (pushes,) = town.batches(notification)
        send_websub_batch(runtime, pushes)
        assert [call.path for call in callbacks.pushed[before:]] == ["/known"]
    finally:
        release.set()
        for one in waiting:
            one.join()
    assert [one.destination_id for one in hub.deliveries()] == [known, known]


def test_who_takes_pushes_slowly_goes_back_among_strangers():
    places = Places()
    places.note("slow.example.com", SLOW_CALL_S + 1)
    places.note("slow.example.com", 0.1)

    with ExitStack() as taken:
        for _ in range(AT_ONCE_OTHERS):
            assert taken.enter_context(places.one("slow.example.com", has_taken=True))
        assert not taken.enter_context(places.one("slow.example.com", has_taken=True))
        assert not taken.enter_context(places.one("new.example.com", has_taken=False))
        for _ in range(AT_ONCE):
            assert taken.enter_context(places.one("quick.example.com", has_taken=True))
        assert not taken.enter_context(places.one("quick.example.com", has_taken=True))
    with places.one("slow.example.com", has_taken=True) as is_there:
        assert is_there
