"""What comes in a reader's quiet hours waits for their end, and is no try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger.approve import approve
from service.models import Delivery, DeliveryState, Destination, Notification, Staff
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch
from workers.plan import plan_notification
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, DEFERRED = DeliveryState.SENT, DeliveryState.DEFERRED


def be_quiet(runtime, destination_id, hours_from_now=2):
    """Quiet hours that have begun an hour ago."""
    local = utcnow() + timedelta(hours=3)
    minute = local.hour * 60 + local.minute
    with runtime.db.write() as session:
        session.execute(
            update(Destination)
            .where(Destination.id == destination_id)
            .values(
                quiet_from=(minute - 60) % 1440, quiet_until=(minute + 60 * hours_from_now) % 1440
            )
        )


def deliver_all(runtime, town):
    told = Recorder()
    for batch in town.batches():
        deliver_batch(runtime, batch, told)
    return told.sent


def test_who_sleeps_is_told_in_the_morning_and_others_at_once(town, runtime, clock):
    awake, asleep = town.reader(), town.reader()
    be_quiet(runtime, asleep)
    notification = town.planned()

    assert deliver_all(runtime, town) == [awake]
    assert town.states(notification) == {awake: SENT, asleep: DEFERRED}
    waiting = town.get(Delivery, (notification, asleep))
    assert waiting.attempts == 0
    assert timedelta(hours=1, minutes=58) < waiting.due_at - datetime.now(UTC) <= timedelta(hours=2)

    clock.advance(hours=2, seconds=1)
    sweep_once(runtime)
    deliver_all(runtime, town)

    assert town.states(notification) == {awake: SENT, asleep: SENT}


def test_what_two_of_the_staff_let_through_wakes_people(town, runtime):
    asleep = town.reader()
    be_quiet(runtime, asleep)
    notification = town.planned()
    with runtime.db.write() as session:
        session.execute(update(Notification).values(breaks_at=utcnow()))

    assert deliver_all(runtime, town) == [asleep]
    assert town.states(notification) == {asleep: SENT}


def test_a_sign_in_link_does_not_wait(town, runtime):
    asleep = town.reader()
    be_quiet(runtime, asleep)
    notification = town.message(asleep)

    deliver_all(runtime, town)

    assert town.states(notification) == {asleep: SENT}


def test_news_that_staff_let_through_reach_who_was_put_off_till_morning(town, runtime, clock):
    asleep = town.reader()
    be_quiet(runtime, asleep)
    notification = town.planned()
    deliver_all(runtime, town)
    with runtime.db.write() as session:
        session.execute(update(Notification).values(is_urgent=True))
        staff = [Staff(email=f"{n}@example.org", fs_uniquifier=n) for n in ("ayse", "bora")]
        session.add_all(staff)
    for one in staff:
        with runtime.db.write() as session:
            approve(session, notification, one.id, utcnow(), 2)

    plan_notification(runtime, notification)
    sweep_once(runtime)
    deliver_all(runtime, town)

    assert town.states(notification) == {asleep: SENT}
