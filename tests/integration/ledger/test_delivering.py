"""Sending a batch: each delivery comes to its outcome, whatever happens to another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from service.db import utcnow
from service.ledger import lease as leases
from service.ledger.audit import audit
from service.ledger.counts import outcome_counts
from service.ledger.outcome import SENT, Outcome
from service.ledger.sweep import due_deferrals, replay_journals
from service.models import (
    Batch,
    BatchState,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    NotificationState,
    Subscription,
    Suppression,
)
from tests.integration.ledger.recorder import Recorder
from workers.courier import PeerAwayError
from workers.deliver import deliver_batch
from workers.recover import sweep_once

QUEUED, UNKNOWN, CANCELLED = DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.CANCELLED
DEFERRED, REJECTED = DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, SENT_STATE = DeliveryState.SUPPRESSED, DeliveryState.SENT


def test_deferred_deliveries_come_back_when_they_are_due_and_not_before(
    one_batch, runtime, town, clock
):
    notification, batch = one_batch(3)
    busy = Recorder(lambda *_: Outcome(DEFERRED, "4.7.1", "451 later", retry_after_s=600))
    deliver_batch(runtime, batch, busy)
    assert town.counts(notification) == {DEFERRED: 3}
    assert town.get(Notification, notification).state == NotificationState.PLANNED

    clock.advance(seconds=590)
    with runtime.db.write() as session:
        assert due_deferrals(session, clock(), clock()) == []
    clock.advance(seconds=20)
    with runtime.db.write() as session:
        (ring,) = due_deferrals(session, clock(), clock())
    sender = Recorder()
    deliver_batch(runtime, ring.row_id, sender)

    assert len(sender.sent) == 3
    assert town.counts(notification) == {SENT_STATE: 3}
    assert {row.attempts for row in town.all(Delivery)} == {2}
    assert town.findings() == []


def test_a_retry_after_beyond_all_reason_is_cut_and_stops_no_batch(one_batch, runtime, town):
    notification, batch = one_batch(2)
    deliver_batch(runtime, batch, Recorder(lambda *_: Outcome(DEFERRED, "429", "", float("inf"))))

    assert town.counts(notification) == {DEFERRED: 2}
    assert all(row.due_at < utcnow() + timedelta(days=2) for row in town.all(Delivery))


def test_one_delivery_that_breaks_stops_none_of_the_others(one_batch, runtime, town):
    notification, batch = one_batch(4)
    before, on_the_wire, *rest = sorted(town.states(notification))

    def act(destination: int, on_wire) -> None:
        if destination == before:
            raise KeyError("broken before a byte left")
        if destination == on_the_wire:
            on_wire()
            raise ValueError("broken on the wire")

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert sender.sent == rest
    assert town.counts(notification) == {DEFERRED: 2, SENT_STATE: 2}
    assert {row.code for row in town.all(DeliveryAnswer)} == {"internal", "unknown"}


def test_a_peer_that_is_away_postpones_the_batch_and_loses_nothing(one_batch, runtime, town):
    notification, batch = one_batch(4)

    def act(destination: int, on_wire) -> None:
        if len(sender.sent) == 2:
            raise PeerAwayError("gone", retry_after_s=40)

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert town.counts(notification) == {SENT_STATE: 2, QUEUED: 2}
    row = town.get(Batch, batch)
    assert row.state == BatchState.READY
    assert row.due_at > utcnow() + timedelta(seconds=30)
    assert {one.attempts for one in town.all(Delivery)} == {0, 1}
    assert not list((runtime.settings.var_dir / "journal").iterdir())


def test_what_could_not_be_sent_for_a_day_is_rejected_as_no_news(one_batch, runtime, town, clock):
    notification, batch = one_batch(2)
    clock.advance(hours=25)
    sender = Recorder()

    deliver_batch(runtime, batch, sender)

    assert sender.sent == []
    assert town.counts(notification) == {REJECTED: 2}
    assert {answer.code for answer in town.all(DeliveryAnswer)} == {"expired"}
    assert town.findings() == []


def test_a_withdrawal_cancels_what_is_not_sent_yet(one_batch, runtime, town):
    notification, batch = one_batch(120)

    def act(destination: int, on_wire) -> None:
        if len(sender.sent) == 10:
            with runtime.db.write() as session:
                session.execute(update(Notification).values(stopped_at=utcnow()))

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    counts = town.counts(notification)
    assert counts[SENT_STATE] == len(sender.sent) <= 10 + leases.SLICE
    assert counts[CANCELLED] == 120 - counts[SENT_STATE]
    assert town.get(Notification, notification).state == NotificationState.DONE
    assert town.findings() == []


def test_an_unsubscribe_between_planning_and_sending_gets_no_mail(one_batch, runtime, town):
    notification, batch = one_batch(3)
    gone, bounced, told = sorted(town.states(notification))
    town.unsubscribe(gone)
    with runtime.db.write() as session:
        hashed = session.get_one(Destination, bounced).address_hash
        session.add(Suppression(address_hash=hashed, reason="complaint"))
    sender = Recorder()

    deliver_batch(runtime, batch, sender)

    assert sender.sent == [told]
    assert town.states(notification) == {gone: SUPPRESSED, bounced: SUPPRESSED, told: SENT_STATE}
    assert town.findings() == []


def test_who_ended_one_of_two_matching_subscriptions_is_told_by_the_other(runtime, town):
    reader = town.reader()
    town.subscribe(reader, topic=None)
    notification = town.planned()
    with runtime.db.write() as session:
        first = session.scalars(select(Subscription).order_by(Subscription.id)).first()
        first.ended_at = utcnow()
    sender = Recorder()

    deliver_batch(runtime, town.batches(notification)[0], sender)

    assert sender.sent == [reader]


def test_one_poisoned_row_stops_the_sweep_of_no_other(one_batch, runtime, town, monkeypatch):
    notification, _batch = one_batch(2)
    held = town.notification(town.article(), state=NotificationState.HELD)

    def broken(_runtime, row_id: int) -> bool:
        raise ValueError(f"row {row_id} is poisoned")

    monkeypatch.setattr("workers.recover.release_and_ring", broken)
    monkeypatch.setattr("service.tasks.Doorbell.ring", lambda *_: False)
    monkeypatch.setattr("service.tasks.Doorbell.is_broken", property(lambda _: True))
    while sweep_once(runtime):
        pass

    assert town.counts(notification) == {SENT_STATE: 2}
    assert town.get(Notification, held).state == NotificationState.HELD


def test_an_unsubscribe_while_the_peer_is_slow_gets_no_mail(one_batch, runtime, town, monkeypatch):
    """Eligibility is looked at again right before the wire where it is older than 250 ms."""
    monkeypatch.setattr("workers.parcel.FRESH_S", 0.0)
    notification, batch = one_batch(2)

    def act(destination: int, on_wire) -> None:
        town.unsubscribe(destination)  # while MAIL and RCPT are answered

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert sender.sent == []
    assert town.counts(notification) == {SUPPRESSED: 2}


def test_a_database_that_goes_away_before_the_first_byte_leaves_nobody_in_doubt(
    runtime, town, monkeypatch
):
    monkeypatch.setattr("workers.parcel.FRESH_S", 0.0)
    room = town.channel("json://127.0.0.1:1/")
    notification = town.planned()
    (batch,) = town.batches()

    def gone(*_) -> None:
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    def act(_destination: int, on_wire) -> None:
        monkeypatch.setattr("workers.glances.pending", gone)
        on_wire()

    sender = Recorder(act)
    with pytest.raises(OperationalError):
        deliver_batch(runtime, batch, sender)
    replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow())

    assert sender.sent == []
    assert town.states(notification) == {room: QUEUED}


def test_a_paused_channel_hears_nothing(runtime, town):
    quiet, loud = town.channel("json://127.0.0.1:1/"), town.channel("json://127.0.0.1:1/b")
    with runtime.db.write() as session:
        channel_id = session.get_one(Destination, quiet).channel_id
        session.execute(update(Channel).where(Channel.id == channel_id).values(is_paused=True))

    assert town.states(town.planned()) == {quiet: SUPPRESSED, loud: QUEUED}


def test_a_channel_paused_after_planning_hears_nothing(runtime, town):
    town.channel("json://127.0.0.1:1/")
    notification = town.planned()
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=True))
    sender = Recorder()

    deliver_batch(runtime, town.batches(notification)[0], sender)

    assert sender.sent == []
    assert town.counts(notification) == {SUPPRESSED: 1}


def test_counts_say_every_outcome_and_their_sum(one_batch, runtime, town):
    notification, batch = one_batch(6)
    outcomes = dict(
        zip(
            sorted(town.states(notification)),
            (SENT, Outcome(DEFERRED), Outcome(REJECTED), Outcome(UNKNOWN), SENT, SENT),
            strict=True,
        )
    )
    deliver_batch(runtime, batch, Recorder(lambda destination, _: outcomes[destination]))
    article = town.get(Notification, notification).article_id

    with runtime.db.read() as session:
        counts = outcome_counts(session, article)

    assert counts == {
        **{"planned": 6, "queued": 0, "sent": 3, "deferred": 2, "rejected": 1},
        **{"unknown": 0, "suppressed": 0, "cancelled": 0},
    }


BREAKAGES = {
    "planned is not the sum": "UPDATE notification SET planned = planned + 1",
    "queued deliveries without an open batch": "UPDATE delivery SET state = 0, batch_id = NULL",
    "finished, yet with open deliveries": "UPDATE delivery SET state = 2, due_at = settled_at",
    "sent without the revision": "UPDATE delivery SET revision_id = NULL",
    "deferred without a time": "UPDATE delivery SET state = 2, due_at = NULL",
}


def test_the_audit_finds_each_way_to_break_the_ledger(one_batch, runtime, town, subtests):
    notification, batch = one_batch(3)
    deliver_batch(runtime, batch, Recorder())
    assert town.findings() == []

    for rule, breakage in BREAKAGES.items():
        with subtests.test(rule), runtime.db.write() as session:
            session.execute(text(breakage))
            found = audit(session)
            session.rollback()
            assert [one.object_id for one in found if one.rule.startswith(rule)] == [notification]
