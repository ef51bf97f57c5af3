"""Claims and leases: whose a batch is, and who may settle what."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger import lease as leases
from service.ledger.lease import Lease, LeaseLost, finish, postpone
from service.ledger.outcome import SENT, Answer, Outcome
from service.ledger.settle import settle
from service.ledger.sweep import replay_journals
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    DestinationKind,
    Notification,
    NotificationState,
)
from tests.integration.ledger.recorder import Recorder, end_lease
from workers.deliver import deliver_batch

QUEUED, UNKNOWN, CANCELLED = DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.CANCELLED
DEFERRED, REJECTED = DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, SENT_STATE = DeliveryState.SUPPRESSED, DeliveryState.SENT


def test_eight_workers_that_claim_one_batch_end_with_one_lease(one_batch, take):
    _, batch = one_batch(3)
    barrier = threading.Barrier(8)

    def start(_: int) -> Lease | None:
        barrier.wait()
        return take(batch)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(start, range(8)))

    assert sum(lease is not None for lease in found) == 1


def test_eight_workers_on_one_batch_send_each_delivery_once(one_batch, town, runtime):
    notification, batch = one_batch(120)
    sender = Recorder()
    barrier = threading.Barrier(8)

    def start(_: int) -> None:
        barrier.wait()
        deliver_batch(runtime, batch, sender)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))

    assert set(Counter(sender.sent).values()) == {1}
    assert town.counts(notification) == {SENT_STATE: 120}
    assert town.get(Notification, notification).state == NotificationState.DONE
    assert town.findings() == []


def test_a_batch_that_is_not_due_or_done_or_unknown_is_left_alone(one_batch, take, runtime):
    _, batch = one_batch(1)
    early = take(batch, utcnow() - timedelta(minutes=1))
    deliver_batch(runtime, batch, Recorder())

    assert early is None
    assert take(batch) is None
    assert take(10**15) is None


def test_a_lease_that_ended_is_claimed_again_and_its_old_owner_settles_nothing(
    one_batch, take, runtime, town
):
    notification, batch = one_batch(2)
    first = take(batch)
    assert take(batch) is None
    end_lease(runtime, batch)
    second = take(batch)
    destination = min(town.states(notification))

    with pytest.raises(LeaseLost), runtime.db.write() as session:
        settle(session, first, {destination: Answer(SENT, 1)}, utcnow())
    with runtime.db.write() as session:
        finish(session, first, utcnow())
        postpone(session, first, utcnow())

    assert town.counts(notification) == {QUEUED: 2}
    row = town.get(Batch, batch)
    assert (row.state, row.lease) == (BatchState.LEASED, second.token)


def test_settling_twice_changes_nothing_and_keeps_the_first_outcome(one_batch, take, runtime, town):
    notification, batch = one_batch(1)
    lease = take(batch)
    (destination,) = town.states(notification)
    refused = Outcome(REJECTED, "5.1.1", "550 no such user")

    for outcome in (refused, SENT, refused):
        with runtime.db.write() as session:
            settle(session, lease, {destination: Answer(outcome, 1)}, utcnow())

    assert town.states(notification) == {destination: REJECTED}
    assert [row.code for row in town.all(DeliveryAnswer)] == ["5.1.1"]
    assert town.all(Delivery)[0].attempts == 1


def test_each_settle_extends_the_lease(one_batch, take, runtime, town, clock):
    _, batch = one_batch(1)
    lease = take(batch)
    clock.advance(seconds=50)
    with runtime.db.write() as session:
        settle(session, lease, {}, clock())
    clock.advance(seconds=50)

    assert take(batch, clock()) is None


def test_a_worker_whose_lease_is_over_starts_no_further_envelope(
    one_batch, runtime, town, monkeypatch
):
    notification, batch = one_batch(5)
    real = leases.boot_clock

    def act(destination: int, on_wire) -> None:
        on_wire()
        monkeypatch.setattr(leases, "boot_clock", lambda: real() + 59)
        return SENT

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert len(sender.sent) == 1
    monkeypatch.setattr(leases, "boot_clock", real)
    replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow())
    again = Recorder()
    deliver_batch(runtime, batch, again)
    assert len(set(sender.sent) | set(again.sent)) == len(sender.sent) + len(again.sent) == 5
    assert town.counts(notification) == {SENT_STATE: 5}


def test_a_worker_that_stands_still_beyond_its_lease_doubles_nothing(
    one_batch, runtime, town, monkeypatch
):
    """Its journal is alive, so its successor reads there what was sent and what is on the wire."""
    notification, batch = one_batch(10)
    others = Recorder()
    real = leases.boot_clock

    def act(destination: int, on_wire) -> None:
        if len(sender.sent) < 6:
            return
        on_wire()
        if len(sender.sent) == 6:
            end_lease(runtime, batch)
            deliver_batch(runtime, batch, others)
            monkeypatch.setattr(leases, "boot_clock", lambda: real() + 70)
        return SENT

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)
    replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow())

    assert len(sender.sent) == 7
    assert not set(sender.sent) & set(others.sent)
    states = town.states(notification)
    assert [states[one] for one in sender.sent[:6]] == [SENT_STATE] * 6
    assert states[sender.sent[6]] == SENT_STATE  # the late answer wins over what was assumed
    assert town.findings() == []


def test_a_successor_on_another_host_calls_unknown_what_may_have_left(
    one_batch, runtime, town, take
):
    window = leases.WINDOW[DestinationKind.EMAIL]
    notification, batch = one_batch(window + 10)
    with runtime.db.write() as session:
        session.execute(
            update(Batch).values(lease="elsewhere-0011", state=BatchState.LEASED, due_at=utcnow())
        )
    sender = Recorder()

    deliver_batch(runtime, batch, sender)

    assert len(sender.sent) == 10
    assert town.counts(notification) == {DEFERRED: window, SENT_STATE: 10}
