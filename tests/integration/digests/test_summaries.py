"""After quiet hours all that waited comes as one letter, and is known to have been told by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.ledger.publish import withdraw
from service.models import (
    Article,
    DeliveryState,
    Destination,
    DigestItem,
    Frequency,
    Notification,
    NotificationKind,
)
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, CANCELLED = DeliveryState.SENT, DeliveryState.CANCELLED


@pytest.fixture
def asleep(press, town, runtime, clock):
    """A reader whose quiet hours last from eight to ten."""
    reader = town.reader()
    with runtime.db.write() as session:
        session.execute(
            update(Destination)
            .where(Destination.id == reader)
            .values(quiet_from=8 * 60, quiet_until=10 * 60)
        )
    return reader


def wake(press, runtime, clock):
    press.send()
    clock.advance(hours=2)
    sweep_once(runtime)
    press.send()


def summaries(town):
    return [one for one in town.all(Notification) if one.kind == NotificationKind.SUMMARY]


def test_two_that_waited_are_one_letter(press, town, asleep, runtime, clock):
    awake = town.reader()
    first, second = press.release(clock()), press.release(clock() + timedelta(seconds=1))

    wake(press, runtime, clock)

    (summary,) = summaries(town)
    assert press.states(summary.id) == {asleep: SENT}
    assert press.told(summary.id) == {asleep: [first, second]}
    news = [one.id for one in town.all(Notification) if one.kind == NotificationKind.NEW]
    assert [press.states(one) for one in news] == [{asleep: CANCELLED, awake: SENT}] * 2
    assert len(press.letters()) == 3
    assert press.letters()[-1].subject.startswith("Sessiz saatlerinizde: ")


def test_one_that_waited_stays_itself(press, town, asleep, runtime, clock):
    press.release(clock())

    wake(press, runtime, clock)

    assert summaries(town) == []
    assert len(press.letters()) == 1


def test_what_was_withdrawn_in_the_night_is_left_out(press, town, asleep, runtime, clock):
    gone, stays = press.release(clock()), press.release(clock())
    also = press.release(clock())
    press.send()
    with runtime.db.write() as session:
        withdraw(session, session.get_one(Article, gone, with_for_update=True), clock())

    wake(press, runtime, clock)

    (summary,) = summaries(town)
    assert press.told(summary.id) == {asleep: [stays, also]}


def test_a_digest_does_not_repeat_what_a_summary_told(press, town, asleep, runtime, clock):
    town.subscribe(asleep, "spor", None, Frequency.DAILY)
    press.plan()
    press.release(clock(), ("iklim-cevre", "spor"))
    press.release(clock(), ("iklim-cevre", "spor"))
    wake(press, runtime, clock)
    clock.advance(days=1)

    (digest,) = press.plan()

    assert press.told(digest) == {}
    assert town.count(DigestItem) == 2
    assert press.states(digest) == {}


def test_a_second_sweep_gathers_nothing_more(press, town, asleep, runtime, clock):
    for _ in range(2):
        press.release(clock())

    wake(press, runtime, clock)
    sweep_once(runtime)
    press.send()

    assert len(summaries(town)) == 1
    assert len(press.letters()) == 1
