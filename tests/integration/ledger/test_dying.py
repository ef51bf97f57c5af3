"""What is left after a death in the middle, and who settles it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

from sqlalchemy import update

from service.db import utcnow
from service.ledger import replay
from service.ledger.alarms import HOW_TO_MEND
from service.ledger.journal import Journal
from service.ledger.outcome import SENT, Answer, Outcome
from service.ledger.settle import settle
from service.ledger.sweep import due_deferrals, replay_journals
from service.models import (
    Alarm,
    AlarmKind,
    Batch,
    Delivery,
    DeliveryState,
    Notification,
    NotificationState,
)
from service.runtime import Runtime
from tests.integration.ledger.recorder import Recorder, end_lease
from workers.deliver import deliver_batch
from workers.recover import sweep_once

QUEUED, UNKNOWN, CANCELLED = DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.CANCELLED
DEFERRED, REJECTED = DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, SENT_STATE = DeliveryState.SUPPRESSED, DeliveryState.SENT


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
    journal.set_revision(1)
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
        refused = Answer(Outcome(REJECTED, "5.1.1"), 1)
        settle(session, lease, {destination: refused}, utcnow())
    journal = Journal(journals, lease.token, batch)
    journal.wire(destination)
    journal.abandon()

    replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {destination: REJECTED}


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


def test_a_journal_that_cannot_be_settled_alarms_and_holds_up_no_other(
    runtime, town, journals, take, monkeypatch
):
    town.reader(lane="gmail")
    town.reader(lane="yahoo")
    town.planned()
    stuck, other = town.batches()
    for batch in (stuck, other):
        Journal(journals, take(batch).token, batch).abandon()
    settle_remains = replay._settle_remains

    def settle_others(session, batch, *more) -> None:
        assert batch.id != stuck, "it cannot be settled"
        settle_remains(session, batch, *more)

    monkeypatch.setattr(replay, "_settle_remains", settle_others)
    freed = replay_journals(runtime.db, journals, utcnow())

    assert [ring.row_id for ring in freed] == [other]
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.object_id) == (AlarmKind.JOURNAL_STUCK, stuck)
    assert alarm.kind in HOW_TO_MEND
    assert len(list(journals.iterdir())) == 1
