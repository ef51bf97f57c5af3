"""Settling beside the sending, the heartbeat, and what a full disk or a lost database costs."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from service.db import utcnow
from service.ledger import lease as leases
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import LeaseLost
from service.ledger.outcome import SENT, Answer, Outcome
from service.ledger.sweep import due_deferrals, replay_journals
from service.models import Batch, BatchState, Delivery, DeliveryAnswer, DeliveryState
from tests.integration.ledger.recorder import Recorder, end_lease
from workers import settling
from workers.deliver import deliver_batch
from workers.settling import HANGS_S, SETTLE_WITHIN_S, Settler

QUEUED, DEFERRED, SENT_STATE = DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.SENT
PATIENCE_S = 20.0


@pytest.fixture
def boot_clock(monkeypatch):
    """Turns CLOCK_BOOTTIME."""
    at = [1_000.0]
    monkeypatch.setattr(leases, "boot_clock", lambda: at[0])
    monkeypatch.setattr("service.ledger.claim.boot_clock", lambda: at[0])
    return at


@pytest.fixture
def settled(monkeypatch) -> threading.Event:
    """Is set after each settling."""
    settled, settle = threading.Event(), Settler.settle

    def settle_and_say(self) -> None:
        settle(self)
        settled.set()

    monkeypatch.setattr(Settler, "settle", settle_and_say)
    return settled


class Away:
    """A database whose writes fail for so many times."""

    def __init__(self, db, times: int) -> None:
        self._db, self.times = db, times

    @contextmanager
    def write(self):
        if self.times:
            self.times -= 1
            raise OperationalError("", None, Exception("gone"))
        with self._db.write() as session:
            yield session


def test_an_answer_is_settled_while_the_peer_takes_its_time_with_the_next(
    one_batch, runtime, town, settled
):
    notification, batch = one_batch(2)
    seen = []

    def act(destination: int, on_wire) -> Outcome | None:
        if sender.sent:
            on_wire()
            assert settled.wait(PATIENCE_S)
            seen.append(town.states(notification)[sender.sent[0]])
            return SENT
        return None

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert seen == [SENT_STATE]
    assert town.counts(notification) == {SENT_STATE: 2}


def test_a_beat_is_due_by_what_is_held_and_by_the_lease(one_batch, take, runtime, boot_clock):
    _, batch = one_batch(1)
    lease = take(batch)
    settler = Settler(runtime.db, lease)
    assert settler.next_beat_s() == lease.policy.lease_s / 3

    settler.hold(1, Answer(SENT, 1))
    assert settler.next_beat_s() == SETTLE_WITHIN_S
    for destination in range(lease.window // 2):
        settler.hold(destination, Answer(SENT, 1))
    assert settler.next_beat_s() == 0

    settler.settle()
    boot_clock[0] += 15
    assert settler.next_beat_s() == 5
    boot_clock[0] += 5
    assert settler.next_beat_s() == 0


def test_a_beat_keeps_an_idle_lease_and_says_so_to_its_owner(
    one_batch, take, runtime, clock, boot_clock
):
    _, batch = one_batch(1)
    lease = take(batch)
    for _ in range(4):
        clock.advance(seconds=50)
        boot_clock[0] += 50
        Settler(runtime.db, lease).settle()

    assert lease.ends == boot_clock[0] + 60
    assert take(batch, clock()) is None


def test_an_envelope_that_hangs_for_ever_ends_the_heartbeat(one_batch, take, runtime, boot_clock):
    _, batch = one_batch(1)
    settler = Settler(runtime.db, take(batch))
    settler.wait_for_room()
    boot_clock[0] += HANGS_S
    assert settler.next_beat_s() is not None
    boot_clock[0] += 1

    assert settler.next_beat_s() is None


def test_a_lease_that_somebody_else_has_is_lost_at_the_next_beat(one_batch, take, runtime, town):
    notification, batch = one_batch(1)
    first = take(batch)
    end_lease(runtime, batch)
    take(batch)
    settler = Settler(runtime.db, first)
    (reader,) = town.states(notification)
    settler.hold(reader, Answer(SENT, 1))
    assert first.is_safe

    settler.settle()

    assert not first.is_safe
    for refused in (settler.wait_for_room, settler.drain):
        with pytest.raises(LeaseLost):
            refused()
    assert town.states(notification) == {reader: QUEUED}


def test_an_answer_to_an_earlier_try_settles_no_later_one(one_batch, take, runtime, town):
    notification, batch = one_batch(1)
    (reader,) = town.states(notification)
    settler = Settler(runtime.db, take(batch))
    settler.hold(reader, Answer(SENT, 1))
    with runtime.db.write() as session:
        newer = Batch(notification_id=notification, kind="email", lane="other", queue="email")
        session.add(newer)
        session.flush()
        session.get_one(Delivery, (notification, reader)).batch_id = newer.id

    settler.settle()

    assert town.states(notification) == {reader: QUEUED}


def test_a_database_that_is_away_stops_the_sending_and_costs_no_answer(
    one_batch, runtime, town, monkeypatch
):
    monkeypatch.setattr(settling, "AGAIN_S", 0.01)
    notification, batch = one_batch(6)
    away = Away(runtime.db, 3)
    left_while_away = []

    def make(db, lease) -> Settler:
        made.append(Settler(away, lease))
        return made[0]

    def act(destination: int, on_wire) -> None:
        if made[0].is_stalled and len(sender.sent) > 1:
            left_while_away.append(destination)
        if len(sender.sent) == 1:
            made[0].settle()  # fails, as the beat would

    made: list[Settler] = []
    monkeypatch.setattr("workers.deliver.Settler", make)
    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert away.times == 0
    assert left_while_away == []
    assert len(sender.sent) == len(set(sender.sent)) == 6
    assert town.counts(notification) == {SENT_STATE: 6}
    assert town.findings() == []


def test_a_database_that_stays_away_ends_in_the_journal(one_batch, runtime, town, boot_clock):
    notification, batch = one_batch(3)

    class Dark(Settler):
        def settle(self) -> None:
            self._db = Away(runtime.db, 1)
            super().settle()
            boot_clock[0] += 70

    sender = Recorder()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("workers.deliver.Settler", Dark)
        deliver_batch(runtime, batch, sender)
    sent = len(sender.sent)
    replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow())

    assert town.counts(notification)[SENT_STATE] == sent > 0
    deliver_batch(runtime, batch, sender)
    assert len(sender.sent) == len(set(sender.sent)) == 3


def test_a_full_disk_is_seen_before_anything_is_sent(one_batch, runtime, town, monkeypatch):
    notification, batch = one_batch(3)

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sender = Recorder()
    with monkeypatch.context() as patched:
        patched.setattr("os.posix_fallocate", full)
        deliver_batch(runtime, batch, sender)

    assert sender.sent == []
    assert town.counts(notification) == {QUEUED: 3}
    assert {row.attempts for row in town.all(Delivery)} == {0}
    row = town.get(Batch, batch)
    assert row.state == BatchState.READY
    assert utcnow() < row.due_at < utcnow() + timedelta(minutes=1)
    assert list((runtime.settings.var_dir / "journal").iterdir()) == []


@pytest.mark.parametrize("failing", ["wire", "answer"])
def test_a_disk_that_fills_up_meanwhile_costs_no_answer(
    one_batch, runtime, town, monkeypatch, failing
):
    notification, batch = one_batch(4)

    def full(*_: object) -> None:
        raise JournalError("no space left")

    def act(destination: int, on_wire) -> Outcome | None:
        if not sender.sent:
            return None
        if failing == "answer":
            on_wire()
        patched.setattr(Journal, failing, full)
        patched.setattr(Journal, "wire", full)
        return SENT if failing == "answer" else None

    sender = Recorder(act)
    with monkeypatch.context() as patched:
        deliver_batch(runtime, batch, sender)

    assert len(sender.sent) == (2 if failing == "answer" else 1)
    assert town.counts(notification)[SENT_STATE] == len(sender.sent)
    assert town.counts(notification)[QUEUED] == 4 - len(sender.sent)
    assert town.get(Batch, batch).state == BatchState.READY
    assert replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow()) == []


def test_what_stayed_because_the_lease_ended_is_in_no_doubt(
    one_batch, runtime, town, monkeypatch, boot_clock
):
    notification, batch = one_batch(2)
    wire = Journal.wire

    def stop_after_the_line(self, destination_id: int) -> None:
        wire(self, destination_id)
        boot_clock[0] += 70

    sender = Recorder()
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "wire", stop_after_the_line)
        deliver_batch(runtime, batch, sender)
    assert sender.sent == []
    replay_journals(runtime.db, runtime.settings.var_dir / "journal", utcnow())

    assert town.counts(notification) == {QUEUED: 2}
    deliver_batch(runtime, batch, sender)
    assert town.counts(notification) == {SENT_STATE: 2}


def test_who_lost_the_batch_leaves_no_doubt_about_what_its_successor_sends(
    one_batch, runtime, town, take, journals
):
    """A line on the wire that came after the take-over: the successor decides."""
    notification, batch = one_batch(1)
    (reader,) = town.states(notification)
    journal = Journal(journals, take(batch).token, batch)
    end_lease(runtime, batch)
    second = take(batch)
    journal.wire(reader)
    journal.abandon()

    replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {reader: QUEUED}
    settler = Settler(runtime.db, second)
    settler.hold(reader, Answer(SENT, 1))
    settler.settle()
    assert town.states(notification) == {reader: SENT_STATE}


@pytest.mark.parametrize("resends", [0, 1, 2])
def test_an_email_in_doubt_is_sent_again_as_often_as_the_setting_says(
    one_batch, runtime, town, clock, resends
):
    notification, _ = one_batch(1)
    settings = runtime.settings.model_copy(update={"unknown_resends": resends})
    patient = replace(runtime, settings=settings)
    lost = Recorder(lambda _, on_wire: on_wire() or Outcome(DeliveryState.UNKNOWN))
    for _ in range(4):
        for batch in town.batches(notification):
            deliver_batch(patient, batch, lost)
        clock.advance(minutes=1)
        with runtime.db.write() as session:
            due_deferrals(session, clock(), clock())

    assert len(lost.tried) == resends + 1
    assert set(town.states(notification).values()) == {DeliveryState.UNKNOWN}
    assert town.count(DeliveryAnswer) == resends + 1
