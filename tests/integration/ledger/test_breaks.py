"""A reader's break, and a change of what they ask for: what is queued is looked at again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import DeliveryState, Destination, Frequency, Notification, Subscription
from service.subscriptions import changing, preferences
from service.subscriptions.changing import Asking
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, SUPPRESSED = DeliveryState.SENT, DeliveryState.SUPPRESSED


@pytest.fixture
def deliver(runtime, town):
    """Delivers all open batches of a notification; returns who was told."""

    def deliver(notification: int) -> list[int]:
        told = Recorder()
        for batch in town.batches(notification):
            deliver_batch(runtime, batch, told)
        return told.sent

    return deliver


def take_a_break(runtime, destination_id, **length):
    with runtime.db.write() as session:
        person = session.get_one(Destination, destination_id)
        preferences.pause(session, person, utcnow() + timedelta(**length))


def change(runtime, destination_id, frequency, places=None, is_local_only=False):
    with runtime.db.write() as session:
        person = session.get_one(Destination, destination_id)
        first = changing.groups(session, destination_id)[0].ids[0]
        to = Asking(places, frequency, is_local_only)
        assert changing.change(session, person, first, to)


def test_whoever_takes_a_break_hears_nothing_and_others_do(town, runtime, deliver):
    awake, away = town.reader(), town.reader()
    take_a_break(runtime, away, days=7)
    notification = town.planned()

    assert deliver(notification) == [awake]
    assert town.states(notification) == {awake: SENT, away: SUPPRESSED}


def test_a_break_that_begins_after_planning_counts_too(town, runtime, deliver):
    away = town.reader()
    notification = town.planned()
    take_a_break(runtime, away, days=7)

    assert deliver(notification) == []
    assert town.states(notification) == {away: SUPPRESSED}


def test_it_ends_by_the_clock_and_what_was_missed_stays_missed(town, runtime, clock, deliver):
    away = town.reader()
    take_a_break(runtime, away, hours=2)
    missed = town.planned()
    deliver(missed)
    clock.advance(hours=1, minutes=59)
    assert deliver(town.planned()) == []
    clock.advance(minutes=1, seconds=1)

    assert deliver(town.planned()) == [away]
    assert deliver(missed) == []
    assert town.states(missed) == {away: SUPPRESSED}


def test_it_can_be_ended_before(town, runtime, deliver):
    away = town.reader()
    take_a_break(runtime, away, days=7)
    with runtime.db.write() as session:
        preferences.resume(session, session.get_one(Destination, away))

    assert deliver(town.planned()) == [away]


def test_a_break_holds_up_no_letter_of_the_service(town, runtime, deliver):
    away = town.reader()
    take_a_break(runtime, away, days=7)

    assert deliver(town.message(away, "sign_in")) == [away]


def test_an_urgent_warning_that_breaks_quiet_hours_breaks_no_break(town, runtime, deliver):
    away = town.reader()
    take_a_break(runtime, away, days=7)
    notification = town.planned()
    with runtime.db.write() as session:
        session.execute(update(Notification).values(is_urgent=True, breaks_at=utcnow()))

    assert deliver(notification) == []
    assert town.states(notification) == {away: SUPPRESSED}


@pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.WEEKLY])
def test_what_is_queued_for_one_who_now_wants_summaries_is_not_sent(
    town, runtime, deliver, frequency
):
    """It is suppressed, which is not told: a summary may bring it."""
    reader = town.reader()
    notification = town.planned()
    change(runtime, reader, frequency)

    assert deliver(notification) == []
    assert town.states(notification) == {reader: SUPPRESSED}
    live = [row for row in town.all(Subscription) if row.ended_at is None]
    assert [(row.frequency, row.changed_from) for row in live] == [(frequency, None)]


def test_what_was_told_is_not_told_again_after_a_change(town, runtime, deliver):
    reader = town.reader()
    notification = town.planned()
    assert deliver(notification) == [reader]
    change(runtime, reader, Frequency.DAILY)
    change(runtime, reader, Frequency.INSTANT)

    assert deliver(notification) == []
    assert town.states(notification) == {reader: SENT}


def test_there_and_back_before_it_left_is_told_once(town, runtime, deliver):
    reader = town.reader()
    notification = town.planned()
    change(runtime, reader, Frequency.DAILY)
    change(runtime, reader, Frequency.INSTANT)

    assert deliver(notification) == [reader]
    assert deliver(notification) == []


def test_news_of_a_place_alone(town, runtime, deliver):
    reader = town.reader(place="konak")
    of_the_city, of_the_place = town.planned(), town.planned(town.article(places=("konak",)))
    change(runtime, reader, Frequency.INSTANT, (town.place("konak"),), is_local_only=True)

    assert deliver(of_the_city) == []
    assert deliver(of_the_place) == [reader]
    assert town.states(town.planned()) == {}  # not even planned
    assert deliver(town.planned(town.article(places=("konak",)))) == [reader]
