"""What is tried too often ends, and somebody hears of it; what is only away never does."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from service.ledger.alarms import HOW_TO_MEND
from service.ledger.attempts import (
    ALARM_AFTER_PLANS,
    MAX_BATCH_ATTEMPTS,
    MAX_CLASSIFY_ATTEMPTS,
)
from service.ledger.claim import claim
from service.ledger.journal import Journal
from service.ledger.outcome import SENT
from service.ledger.plan import plan_range
from service.models import (
    Alarm,
    AlarmKind,
    Article,
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
)
from workers.deliver import PeerAwayError, deliver_batch
from workers.one_by_one import OneByOne
from workers.recover import sweep_once
from workers.stages import STAGES, Task, audit_ledger

QUEUED, REJECTED = DeliveryState.QUEUED, DeliveryState.REJECTED


@pytest.fixture
def one_batch(town) -> tuple[int, int, int]:
    """A planned notification with one reader; its number, its batch, its reader."""
    reader = town.reader()
    notification_id = town.planned()
    (batch,) = town.batches(notification_id)
    return notification_id, batch, reader


@pytest.fixture
def die(runtime, town, clock) -> Callable[[int], None]:
    """Lets a worker take a batch and be killed before it says anything; then sweeps."""

    def die(batch_id: int) -> None:
        folder = runtime.settings.var_dir / "journal"
        clock.advance(seconds=31)  # a batch that has killed several workers rests in between
        with runtime.db.write() as session:
            lease = claim(session, batch_id, clock(), folder)
        assert lease is not None
        Journal(folder, lease.token, batch_id).abandon()
        sweep_once(runtime)

    return die


def test_a_batch_that_kills_eight_workers_in_a_row_is_rejected_with_an_alarm(
    one_batch, die, town, runtime, clock
):
    notification_id, batch, reader = one_batch
    for _ in range(MAX_BATCH_ATTEMPTS - 1):
        die(batch)
    assert town.states(notification_id) == {reader: QUEUED}
    die(batch)
    clock.advance(seconds=31)
    sweep_once(runtime)
    sweep_once(runtime)

    assert town.states(notification_id) == {reader: REJECTED}
    assert town.get(Batch, batch).state == BatchState.DONE
    assert town.get(Notification, notification_id).state == NotificationState.DONE
    assert [answer.code for answer in town.all(DeliveryAnswer)] == ["gave up"]
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.object_id) == (AlarmKind.BATCH_GIVEN_UP, batch)
    assert town.findings() == []


def test_a_worker_process_that_is_killed_each_time_ends_the_batch(one_batch, town, runtime, clock):
    """The same with real processes and kill -9: claims committed, nothing said."""
    notification_id, batch, reader = one_batch
    program = textwrap.dedent(
        """
        import os, signal, sys
        from datetime import datetime
        from pathlib import Path
        from service.db import Database
        from service.ledger.claim import claim
        from service.ledger.journal import Journal

        url, folder, batch, now = sys.argv[1:]
        with Database(url).write() as session:
            lease = claim(session, int(batch), datetime.fromisoformat(now), Path(folder))
        journal = Journal(Path(folder), lease.token, int(batch))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    folder = str(runtime.settings.var_dir / "journal")
    command = [sys.executable, "-c", program, runtime.settings.sqlalchemy_url, folder]
    for _ in range(MAX_BATCH_ATTEMPTS):
        clock.advance(seconds=31)
        done = subprocess.run(
            [*command, str(batch), clock().isoformat()],
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        sweep_once(runtime)
    clock.advance(seconds=31)
    sweep_once(runtime)

    assert town.states(notification_id) == {reader: REJECTED}


def test_whoever_may_have_got_it_from_a_batch_given_up_is_unknown(
    one_batch, die, town, runtime, clock
):
    notification_id, batch, reader = one_batch
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(maybe_revision_id=1, attempts=1))
        session.execute(update(Batch).values(attempts=MAX_BATCH_ATTEMPTS - 1))
    die(batch)
    clock.advance(seconds=31)
    sweep_once(runtime)

    assert town.states(notification_id) == {reader: DeliveryState.UNKNOWN}


def test_a_batch_in_somebodys_hands_is_not_given_up(one_batch, town, runtime, clock):
    notification_id, batch, reader = one_batch
    folder = runtime.settings.var_dir / "journal"
    with runtime.db.write() as session:
        session.execute(update(Batch).values(attempts=MAX_BATCH_ATTEMPTS))
        lease = claim(session, batch, clock(), folder)
    assert lease is not None
    journal = Journal(folder, lease.token, batch)
    sweep_once(runtime)
    journal.close()

    assert town.states(notification_id) == {reader: QUEUED}
    assert town.count(Alarm) == 0


class _Sender(OneByOne):
    """Does for each delivery what it is told to."""

    def __init__(self, act) -> None:
        self._act = act

    def __call__(self, *_) -> _Sender:
        return self

    def prepare(self, session) -> int:
        return session.execute(text("SELECT max(id) FROM revision")).scalar()

    def send(self, row, on_wire):
        return self._act(row, on_wire)

    def close(self) -> None:
        pass


def test_a_relay_that_is_away_for_hours_costs_no_attempt(one_batch, town, runtime, clock):
    notification_id, batch, reader = one_batch

    def away(*_):
        raise PeerAwayError("connection refused")

    for _ in range(5 * MAX_BATCH_ATTEMPTS):
        deliver_batch(runtime, batch, _Sender(away))
        clock.advance(minutes=5)
        sweep_once(runtime)

    assert town.get(Batch, batch).attempts == 0
    assert town.states(notification_id) == {reader: QUEUED}
    assert town.count(Alarm) == 0


def test_a_database_that_goes_away_costs_no_attempt(one_batch, town, runtime, clock):
    notification_id, batch, reader = one_batch

    def away(*_):
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    for _ in range(2 * MAX_BATCH_ATTEMPTS):
        with pytest.raises(OperationalError):
            deliver_batch(runtime, batch, _Sender(away))
        clock.advance(minutes=5)
        sweep_once(runtime)

    assert town.states(notification_id) == {reader: QUEUED}


def test_an_outcome_forgives_the_deaths_before_it(town, die, runtime, clock):
    """A worker that sends one letter and dies has got somewhere."""
    town.readers(60)
    notification_id = town.planned()
    (batch,) = town.batches(notification_id)
    for _ in range(3):
        die(batch)
    assert town.get(Batch, batch).attempts == 3
    folder = runtime.settings.var_dir / "journal"
    clock.advance(seconds=31)
    with runtime.db.write() as session:
        lease = claim(session, batch, clock(), folder)
    assert lease is not None
    journal = Journal(folder, lease.token, batch)
    first = min(town.states(notification_id))
    journal.wire(first)
    journal.answer(first, SENT)
    journal.abandon()
    sweep_once(runtime)
    assert town.get(Batch, batch).attempts == 0

    calls = []

    def poisoned(_row, on_wire):
        calls.append(1)
        if len(calls) > 50:
            while town.counts(notification_id)[SENT.state] < 2:
                time.sleep(0.01)  # until the thread beside has settled some
            raise SystemExit
        on_wire()
        return SENT

    with pytest.raises(SystemExit):
        deliver_batch(runtime, batch, _Sender(poisoned))
    assert town.get(Batch, batch).attempts == 0


def test_a_batch_that_cannot_be_prepared_rests_ever_longer_before_it_is_given_up(
    one_batch, town, runtime, clock
):
    notification_id, batch, reader = one_batch
    rests = []
    for _ in range(MAX_BATCH_ATTEMPTS):
        broken = _Sender(lambda *_: SENT)
        broken.prepare = lambda _session: 1 / 0
        before = clock()
        deliver_batch(runtime, batch, broken)
        row = town.get(Batch, batch)
        assert (row.state, row.lease) == (BatchState.READY, None)
        rests.append(round((row.due_at - before).total_seconds()))
        assert town.states(notification_id) == {reader: QUEUED}
        clock.advance(seconds=rests[-1] + 1)
    sweep_once(runtime)

    assert rests == sorted(rests)
    assert sum(rests) > 3600
    assert town.states(notification_id) == {reader: DeliveryState.REJECTED}
    assert town.count(Alarm) == 1


def test_a_sender_that_cannot_be_opened_gives_the_batch_back_at_once(one_batch, town, runtime):
    _, batch, _ = one_batch

    deliver_batch(runtime, batch, lambda _runtime, _lease: 1 / 0)

    row = town.get(Batch, batch)
    assert (row.state, row.lease, row.attempts) == (BatchState.READY, None, 1)


@pytest.fixture
def received(town) -> int:
    """A text that waits to be classified."""
    article_id = town.article((), state=RevisionState.RECEIVED)
    return town.get(Article, article_id).revision_id


def test_a_text_that_kills_its_worker_each_time_is_quarantined_with_an_alarm(
    received, town, runtime, clock, monkeypatch
):
    class Killed(BaseException):
        """What is left of a worker after a segfault: nothing runs any more."""

    def crash(*_):
        raise Killed

    monkeypatch.setattr("workers.classify.current_classifier", crash)
    tries = 0
    for _ in range(3 * MAX_CLASSIFY_ATTEMPTS):
        clock.advance(seconds=70)
        sweep_once(runtime)
        if town.get(Revision, received).state != RevisionState.RECEIVED:
            break
        if town.get(Revision, received).attempts < MAX_CLASSIFY_ATTEMPTS:
            with pytest.raises(Killed):
                STAGES[Task.CLASSIFY_REVISION](runtime, received)
            tries += 1

    assert tries == MAX_CLASSIFY_ATTEMPTS
    assert town.get(Revision, received).state == RevisionState.QUARANTINED
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.object_id) == (AlarmKind.REVISION_GIVEN_UP, received)
    assert alarm.text.endswith("it killed its worker")


def test_the_alarm_about_a_text_names_its_last_error(received, town, deaf, clock, monkeypatch):
    def broken(*_):
        raise LookupError("no such model")

    monkeypatch.setattr("workers.classify.current_classifier", broken)
    for _ in range(2 * MAX_CLASSIFY_ATTEMPTS):
        deaf.doorbell.ring(Task.RETAIN, 0)
        clock.advance(seconds=70)
        sweep_once(deaf)

    (alarm,) = town.all(Alarm)
    assert alarm.text.endswith("LookupError")
    assert town.get(Revision, received).state == RevisionState.QUARANTINED


def test_the_first_try_is_not_counted_and_a_later_success_forgives(
    received, town, runtime, clock, monkeypatch
):
    def broken(*_):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr("workers.classify.current_classifier", broken)
        for expected in (0, 1, 2):
            with pytest.raises(LookupError):
                STAGES[Task.CLASSIFY_REVISION](runtime, received)
            assert town.get(Revision, received).attempts == expected
            clock.advance(seconds=70)
            sweep_once(runtime)
    STAGES[Task.CLASSIFY_REVISION](runtime, received)

    revision = town.get(Revision, received)
    assert (revision.state, revision.attempts) == (RevisionState.CLASSIFIED, 0)
    assert revision.failure is None


def test_a_text_waits_for_a_database_that_is_away_as_long_as_it_takes(
    received, town, deaf, clock, monkeypatch
):
    def away(*_):
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr("workers.classify.take_turns", away)
    for _ in range(MAX_CLASSIFY_ATTEMPTS * 2):
        deaf.doorbell.ring(Task.RETAIN, 0)
        clock.advance(seconds=70)
        with pytest.raises(OperationalError):
            sweep_once(deaf)

    assert town.get(Revision, received).state == RevisionState.RECEIVED
    assert town.count(Alarm) == 0


def test_a_plan_that_fails_is_tried_ever_less_often_and_alarms_until_it_succeeds(
    town, deaf, clock, monkeypatch
):
    town.reader()
    notification_id = town.notification(town.article())
    tried = []

    def broken(session, notification, *rest):
        if notification.id != notification_id:  # the summary of the day, at some hours
            return plan_range(session, notification, *rest)
        tried.append(clock())
        raise ValueError("a broken row")

    with monkeypatch.context() as patch:
        patch.setattr("workers.plan.plan_range", broken)
        while len(tried) < ALARM_AFTER_PLANS + 5:
            clock.advance(seconds=10 if len(tried) < ALARM_AFTER_PLANS - 2 else 60)
            deaf.doorbell.ring(Task.RETAIN, 0)
            sweep_once(deaf)
    rests = [after - before for before, after in itertools.pairwise(tried)]
    steps = [rest // timedelta(seconds=70) for rest in rests]  # the clock goes on a little
    assert steps == sorted(steps)
    assert timedelta(hours=1) <= rests[-1] < timedelta(hours=1, minutes=2)
    assert town.get(Notification, notification_id).state == NotificationState.RELEASED
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.object_id) == (AlarmKind.PLAN_FAILS, notification_id)

    clock.advance(hours=2)
    deaf.doorbell.ring(Task.RETAIN, 0)
    while sweep_once(deaf):
        pass
    assert town.get(Notification, notification_id).attempts == 0
    assert town.counts(notification_id) == {DeliveryState.SENT: 1}
    assert [alarm.cleared_at is None for alarm in town.all(Alarm)] == [False]


def test_a_ledger_that_does_not_add_up_alarms_until_it_does(one_batch, town, runtime):
    notification_id, _, _ = one_batch
    with runtime.db.write() as session:
        session.execute(update(Notification).values(planned=7))
    audit_ledger(runtime)
    audit_ledger(runtime)
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.object_id) == (AlarmKind.LEDGER_WRONG, notification_id)
    assert alarm.cleared_at is None

    with runtime.db.write() as session:
        session.execute(update(Notification).values(planned=1))
    audit_ledger(runtime)
    assert town.get(Alarm, alarm.id).cleared_at is not None

    with runtime.db.write() as session:
        session.execute(update(Notification).values(planned=7))
    audit_ledger(runtime)
    assert town.count(Alarm) == 2


def test_each_kind_of_alarm_says_how_to_mend_it():
    assert set(HOW_TO_MEND) == set(AlarmKind)
