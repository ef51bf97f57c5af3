"""Claims, leases, settling, and what is left after a death in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from service.db import utcnow
from service.ledger import lease as leases
from service.ledger.audit import audit
from service.ledger.claim import claim
from service.ledger.counts import outcome_counts
from service.ledger.journal import Journal
from service.ledger.lease import Lease, LeaseLost, finish, postpone
from service.ledger.outcome import SENT, Outcome
from service.ledger.settle import settle
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
from service.runtime import Runtime
from workers.deliver import PeerAwayError, deliver_batch
from workers.recover import sweep_once

QUEUED, UNKNOWN, CANCELLED = DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.CANCELLED
DEFERRED, REJECTED = DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, SENT_STATE = DeliveryState.SUPPRESSED, DeliveryState.SENT


@pytest.fixture
def journals(runtime: Runtime) -> Path:
    return runtime.settings.var_dir / "journal"


class Recorder:
    """A sender that says what the test wants and remembers whom it sent to."""

    def __init__(self, act=None) -> None:
        self.sent: list[int] = []
        self._act = act

    def __call__(self, _runtime, _lease) -> Recorder:
        return self

    def prepare(self, session) -> int:
        return session.execute(text("SELECT max(id) FROM revision")).scalar()

    def send(self, row, on_wire) -> Outcome:
        destination = row["destination_id"]
        outcome = self._act(destination, on_wire) if self._act else None
        if outcome is None:
            on_wire()
            outcome = SENT
        self.sent.append(destination)
        return outcome

    def close(self) -> None:
        pass


@pytest.fixture
def one_batch(town):
    """Makes a planned notification with so many readers; returns it and its batch."""

    def make(count: int) -> tuple[int, int]:
        town.readers(count)
        notification = town.planned()
        (batch,) = town.batches(notification)
        return notification, batch

    return make


@pytest.fixture
def take(runtime, journals):
    """Claims a batch."""

    def take(batch_id: int, at=None) -> Lease | None:
        with runtime.db.write() as session:
            return claim(session, batch_id, at or utcnow(), journals)

    return take


def end_lease(runtime: Runtime, batch_id: int) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Batch).where(Batch.id == batch_id).values(due_at=utcnow() - timedelta(seconds=1))
        )


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
        settle(session, first, {destination: SENT}, utcnow(), 1)
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
            settle(session, lease, {destination: outcome}, utcnow(), 1)

    assert town.states(notification) == {destination: REJECTED}
    assert [row.code for row in town.all(DeliveryAnswer)] == ["5.1.1"]
    assert town.all(Delivery)[0].attempts == 1


def test_each_settle_extends_the_lease(one_batch, take, runtime, town, clock):
    _, batch = one_batch(1)
    lease = take(batch)
    clock.advance(seconds=50)
    with runtime.db.write() as session:
        settle(session, lease, {}, clock(), None)
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


def test_a_successor_on_another_host_calls_the_slice_unknown(one_batch, runtime, town, take):
    notification, batch = one_batch(60)
    with runtime.db.write() as session:
        session.execute(
            update(Batch).values(lease="elsewhere-0011", state=BatchState.LEASED, due_at=utcnow())
        )
    sender = Recorder()

    deliver_batch(runtime, batch, sender)

    assert len(sender.sent) == 10
    assert town.counts(notification) == {DEFERRED: 50, SENT_STATE: 10}


DYING = """
    import os, signal, sys
    from pathlib import Path
    from service.db import utcnow
    from service.ledger.claim import claim
    from service.ledger.journal import Journal
    from service.ledger.outcome import SENT
    from service.db import Database

    url, folder, batch = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    db = Database(url)
    with db.write() as session:
        lease = claim(session, batch, utcnow(), folder)
    journal = Journal(folder, lease.token, batch)
    journal.begin_slice(1)
    for answered in sys.argv[4].split(","):
        journal.wire(int(answered))
        journal.answer(int(answered), SENT)
    journal.wire(int(sys.argv[5]))
    print("dying", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def die_in_the_middle(runtime, journals, batch, answered, on_wire) -> None:
    """A worker in a process of its own gets kill -9 while a delivery is on the wire."""
    process = subprocess.run(
        [
            sys.executable,
            *("-c", textwrap.dedent(DYING), runtime.settings.sqlalchemy_url, str(journals)),
            *(str(batch), ",".join(map(str, answered)), str(on_wire)),
        ],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def test_what_a_killed_worker_sent_stays_sent_and_only_the_wire_is_unknown(
    one_batch, runtime, town, journals, take, clock
):
    notification, batch = one_batch(5)
    one, two, three, *rest = sorted(town.states(notification))
    die_in_the_middle(runtime, journals, batch, (one, two), three)
    end_lease(runtime, batch)
    assert take(batch) is None, "the journal of a dead owner must be replayed before a claim"

    (ring,) = replay_journals(runtime.db, journals, utcnow())

    assert ring.row_id == batch
    assert town.states(notification) == {
        **{one: SENT_STATE, two: SENT_STATE, three: DEFERRED},
        **dict.fromkeys(rest, QUEUED),
    }
    assert town.get(Delivery, (notification, one)).revision_id is not None
    assert list(journals.iterdir()) == []
    assert replay_journals(runtime.db, journals, utcnow()) == []
    sender = Recorder()
    deliver_batch(runtime, batch, sender)
    assert sender.sent == rest
    assert town.findings() == []

    # The email is tried once more; when that answer never comes either, it stays unknown.
    clock.advance(minutes=1)
    with runtime.db.write() as session:
        (ring,) = due_deferrals(session, clock(), clock())
    lost = Recorder(lambda _, on_wire: on_wire() or Outcome(UNKNOWN, detail="no answer"))
    deliver_batch(runtime, ring.row_id, lost)
    assert town.states(notification)[three] == UNKNOWN
    assert town.get(Notification, notification).state == NotificationState.DONE


def test_a_chat_message_that_was_on_the_wire_is_unknown_and_not_sent_again(
    runtime, town, journals, clock
):
    one, two = town.channel("json://127.0.0.1:1/"), town.channel("json://127.0.0.1:1/b")
    notification = town.planned()
    (batch,) = town.batches(notification)
    die_in_the_middle(runtime, journals, batch, (one,), two)

    replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {one: SENT_STATE, two: UNKNOWN}
    clock.advance(days=2)
    with runtime.db.write() as session:
        assert due_deferrals(session, clock(), clock()) == []


def test_answers_that_were_settled_before_the_death_stay_as_they_are(
    one_batch, runtime, town, journals, take
):
    notification, batch = one_batch(1)
    lease = take(batch)
    (destination,) = town.states(notification)
    with runtime.db.write() as session:
        settle(session, lease, {destination: Outcome(REJECTED, "5.1.1")}, utcnow(), 1)
    journal = Journal(journals, lease.token, batch)
    journal.wire(destination)
    journal.abandon()

    replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {destination: REJECTED}


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


def test_a_replay_leaves_rows_alone_that_were_handed_on(one_batch, runtime, town, journals, take):
    """A late answer must not settle what another worker has on the wire in a newer batch."""
    notification, batch = one_batch(1)
    (reader,) = town.states(notification)
    lease = take(batch)
    journal = Journal(journals, lease.token, batch)
    journal.wire(reader)
    journal.answer(reader, SENT)
    journal.abandon()
    with runtime.db.write() as session:
        newer = Batch(notification_id=notification, kind="email", lane="other", queue="email")
        session.add(newer)
        session.flush()
        session.execute(update(Delivery).values(batch_id=newer.id))

    replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {reader: QUEUED}


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
    monkeypatch.setattr("workers.deliver.FRESH_S", 0.0)
    notification, batch = one_batch(2)

    def act(destination: int, on_wire) -> None:
        town.unsubscribe(destination)  # while MAIL and RCPT are answered

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert sender.sent == []
    assert town.counts(notification) == {SUPPRESSED: 2}


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


def test_sweeping_alone_delivers_what_a_dead_worker_left(one_batch, runtime, town, journals, clock):
    notification, batch = one_batch(3)
    one, two, _ = sorted(town.states(notification))
    die_in_the_middle(runtime, journals, batch, (one,), two)
    deaf = Runtime.start(
        runtime.settings.model_copy(
            update={"redis_url": type(runtime.settings.redis_url)("redis://127.0.0.1:1/0")}
        )
    )
    for _ in range(4):
        while sweep_once(deaf):
            pass
        clock.advance(minutes=10)
    deaf.close()

    assert town.counts(notification) == {SENT_STATE: 3}
    assert town.mails().total() == 2  # the dead worker's first went elsewhere
    assert town.findings() == []
