"""The sweeper: rings that do not pile up, hands that help, and two sweepers at once."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import redis
from sqlalchemy import update

from service.ledger.waiting import Ring
from service.models import (
    Article,
    Batch,
    DeliveryState,
    Notification,
    NotificationState,
    RevisionState,
)
from service.runtime import Runtime
from service.tasks import Queue, Task
from tests.integration.broker import rows, waiting
from tests.integration.explaining import explained
from workers.hands import Hands
from workers.hearing import ENOUGH, STILL_S, UNHEARD, Queues
from workers.recover import Sweeper
from workers.stages import STAGES


@pytest.fixture
def broker(settings) -> Iterator[redis.Redis]:
    connection = redis.Redis.from_url(settings.redis_url.get_secret_value())
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def heard(broker) -> Callable[[Queue], list[int]]:
    """The rows that a queue's messages are about."""
    return partial(rows, broker)


@pytest.fixture
def backlog(runtime: Runtime, town) -> Callable[..., list[int]]:
    """Makes so many batches of one notification that wait on a queue."""

    def make(count: int, queue: Queue = Queue.EMAIL) -> list[int]:
        notification_id = town.notification(town.article(), state=NotificationState.PLANNED)
        with runtime.db.write() as session:
            batches = [
                Batch(notification_id=notification_id, kind="email", lane="other", queue=queue)
                for _ in range(count)
            ]
            session.add_all(batches)
        return [batch.id for batch in batches]

    return make


def test_a_backlog_of_a_thousand_batches_does_not_flood_the_broker(
    backlog, broker, heard, runtime, clock
):
    backlog(1_000)
    sweeper = Sweeper(runtime)
    for _ in range(30):
        clock.advance(seconds=11)
        sweeper.sweep()

    assert ENOUGH <= len(heard(Queue.EMAIL)) < 2 * ENOUGH
    assert max(Counter(heard(Queue.EMAIL)).values()) == 1


def test_a_full_bulk_queue_holds_up_no_urgent_ring(backlog, broker, heard, runtime, clock):
    bulk = backlog(600)
    sweeper = Sweeper(runtime)
    clock.advance(seconds=11)
    sweeper.sweep()
    urgent, letters = backlog(3, Queue.URGENT), backlog(2, Queue.TRANSACTIONAL)
    clock.advance(seconds=11)
    sweeper.sweep()

    assert sorted(heard(Queue.URGENT)) == urgent
    assert sorted(heard(Queue.TRANSACTIONAL)) == letters
    assert set(heard(Queue.EMAIL)) < set(bulk)


def test_after_flushall_rows_of_a_full_queue_are_rung_by_the_next_sweep(
    backlog, broker, heard, runtime, clock
):
    backlog(600)
    sweeper = Sweeper(runtime)
    for _ in range(3):
        clock.advance(seconds=11)
        sweeper.sweep()
    broker.flushall()
    sweeper.sweep()

    assert len(set(heard(Queue.EMAIL))) == ENOUGH


def test_urgent_texts_and_plans_are_rung_for_though_urgent_batches_fill_their_queue(
    backlog, town, broker, heard, runtime, clock
):
    backlog(2 * ENOUGH, Queue.URGENT)
    sweeper = Sweeper(runtime)
    for _ in range(2):
        clock.advance(seconds=11)
        sweeper.sweep()
    full = len(heard(Queue.URGENT))
    text, plan = town.article(state=RevisionState.RECEIVED), town.notification(town.article())
    with runtime.db.write() as session:
        session.get_one(Article, text).is_urgent = True
        session.get_one(Notification, plan).is_urgent = True
    clock.advance(seconds=11)
    sweeper.sweep()

    assert full >= ENOUGH
    found = waiting(broker, Queue.URGENT)
    assert [one["task"] for one in found[:2]] == [Task.PLAN_NOTIFICATION, Task.CLASSIFY_REVISION]
    assert len(found) == full + 2


def test_urgent_texts_and_plans_are_rung_for_though_the_other_queue_is_full(
    town, broker, heard, runtime, clock
):
    plain, urgent = (town.article(state=RevisionState.RECEIVED) for _ in range(2))
    plan, urgent_plan = (town.notification(town.article()) for _ in range(2))
    with runtime.db.write() as session:
        session.get_one(Article, urgent).is_urgent = True
        session.get_one(Notification, urgent_plan).is_urgent = True
    for queue in (Queue.INGEST, Queue.FANOUT):
        broker.lpush(f"tellal:{queue.value}", *(["{}"] * ENOUGH))
    clock.advance(seconds=11)
    Sweeper(runtime).sweep()

    assert heard(Queue.URGENT) == [urgent_plan, town.get(Article, urgent).revision_id]
    assert broker.llen("tellal:ingest") == broker.llen("tellal:fanout") == ENOUGH

    broker.flushall()
    Sweeper(runtime).sweep()
    assert heard(Queue.INGEST) == [town.get(Article, plain).revision_id]
    assert heard(Queue.FANOUT) == [plan]


def test_a_batch_that_nobody_comes_for_is_sent_by_our_own_hands(town, broker, runtime, clock):
    """Its rings arrive, but the worker is deaf."""
    town.readers(2)
    notification_id = town.planned()
    hands = Hands(runtime, STAGES)
    sweeper = Sweeper(runtime, hands.take)
    for _ in range(UNHEARD):
        clock.advance(seconds=11)
        sweeper.sweep()
    assert hands.wait(30)
    before = town.counts(notification_id)
    clock.advance(seconds=11)
    sweeper.sweep()
    assert hands.wait(30)
    hands.close(30)

    assert before == {DeliveryState.QUEUED: 2}
    assert town.counts(notification_id) == {DeliveryState.SENT: 2}


def test_a_batch_that_waits_for_its_relay_stays_with_the_workers(
    backlog, broker, heard, runtime, clock
):
    """A worker took it each time, and put it off: that moves its due time."""
    (batch,) = backlog(1)
    taken: list[Ring] = []
    sweeper = Sweeper(runtime, lambda ring: bool(taken.append(ring)))
    for _ in range(2 * UNHEARD):
        clock.advance(seconds=31)
        sweeper.sweep()
        with runtime.db.write() as session:
            session.execute(update(Batch).values(due_at=clock()))

    assert taken == []
    assert heard(Queue.EMAIL) == [batch] * 2 * UNHEARD


def test_a_full_queue_that_stands_still_is_left_to_our_own_hands(
    backlog, heard, runtime, clock, monkeypatch
):
    backlog(ENOUGH + 50)
    taken: list[Ring] = []
    sweeper = Sweeper(runtime, lambda ring: bool(taken.append(ring)))
    clock.advance(seconds=11)
    sweeper.sweep()
    clock.advance(seconds=11)
    sweeper.sweep()
    assert taken == []

    monkeypatch.setattr("workers.hearing.STILL_S", 0.0)
    length = len(heard(Queue.EMAIL))
    clock.advance(seconds=11)
    sweeper.sweep()

    assert taken
    assert len(heard(Queue.EMAIL)) == length


def test_a_full_queue_that_moves_is_not_still(monkeypatch):
    now = 0.0
    monkeypatch.setattr("workers.hearing.time.monotonic", lambda: now)
    queues = Queues()
    for length in (900, 800, 700, 600):
        queues.look({**dict.fromkeys(Queue, 0), Queue.EMAIL: length})
        assert (queues.full, queues.still) == ({Queue.EMAIL}, frozenset())
        now += STILL_S
    queues.look({**dict.fromkeys(Queue, 0), Queue.EMAIL: 600})
    assert (queues.full, queues.still) == (frozenset(), {Queue.EMAIL})
    queues.look(None)
    assert (queues.full, queues.still) == (frozenset(), frozenset())


def test_two_sweepers_at_once_ring_once_for_each_row(backlog, broker, heard, runtime, clock):
    batches = backlog(150)
    clock.advance(seconds=11)
    barrier = threading.Barrier(2)

    def sweep(_: int) -> None:
        sweeper = Sweeper(runtime)
        barrier.wait()
        for _ in range(3):
            sweeper.sweep()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sweep, range(2)))

    assert sorted(heard(Queue.EMAIL)) == batches


def test_two_sweepers_with_hands_and_no_broker_send_each_delivery_once(town, deaf, clock):
    town.readers(40)
    notifications = [town.planned() for _ in range(5)]
    all_hands = [Hands(deaf, STAGES) for _ in range(2)]
    for _ in range(3):
        for hands in all_hands:
            Sweeper(deaf, hands.take).sweep()
    for hands in all_hands:
        assert hands.wait(30)
        assert hands.close(30)

    assert [town.counts(one) for one in notifications] == [{DeliveryState.SENT: 40}] * 5
    assert set(town.mails().values()) == {5}
    assert town.findings() == []


class _Held:
    """Work that goes on until somebody says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.is_begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, _: Any, row_id: int) -> None:
        self.begun.append(row_id)
        self.is_begun.set()
        assert self.go_on.wait(30)


def test_a_slow_batch_holds_up_neither_the_sweep_nor_a_letter_nor_a_plan(town, deaf, clock):
    slow = _Held()
    town.reader()
    notification_id = town.notification(town.article())
    town.message(town.reader(address="yeni@example.org"))
    hands = Hands(deaf, {**STAGES, Task.CHAT_BATCH: slow})
    hands.take(Ring(Task.CHAT_BATCH, 1, Queue.CHAT))
    assert slow.is_begun.wait(30)
    sweeper = Sweeper(deaf, hands.take)
    deaf.doorbell.ring(Task.RETAIN, 0)

    while town.get(Notification, notification_id).state != NotificationState.DONE:
        sweeper.sweep()
    slow.go_on.set()
    assert hands.close(30)

    assert town.mails()["yeni@example.org"] == 2  # the letter, and the news
    assert slow.begun == [1]


def test_a_hand_takes_a_row_once_urgent_ones_first_and_only_so_many(runtime):
    slow = _Held()
    hands = Hands(runtime, {Task.EMAIL_BATCH: slow})
    hands.take(Ring(Task.EMAIL_BATCH, 1, Queue.URGENT))
    assert slow.is_begun.wait(30)

    assert not hands.take(Ring(Task.EMAIL_BATCH, 1, Queue.URGENT)), "it is in hand"
    assert hands.take(Ring(Task.EMAIL_BATCH, 2, Queue.URGENT))
    assert hands.take(Ring(Task.EMAIL_BATCH, 3, Queue.TRANSACTIONAL))
    assert not hands.take(Ring(Task.EMAIL_BATCH, 3, Queue.TRANSACTIONAL)), "it waits already"
    more = [hands.take(Ring(Task.EMAIL_BATCH, n, Queue.URGENT)) for n in range(4, 400)]
    assert more.index(False) == 198
    slow.go_on.set()
    assert hands.wait(30)
    assert hands.close(30)

    assert slow.begun[:3] == [1, 3, 2]
    assert len(slow.begun) == 201


def test_hands_that_are_told_to_stop_end_their_row_and_begin_no_other(runtime):
    slow = _Held()
    hands = Hands(runtime, {Task.EMAIL_BATCH: slow})
    for row_id in (1, 2):
        hands.take(Ring(Task.EMAIL_BATCH, row_id, Queue.EMAIL))
    assert slow.is_begun.wait(30)

    assert not hands.close(0.01), "the row is still in hand"
    assert not hands.take(Ring(Task.EMAIL_BATCH, 3, Queue.EMAIL))
    slow.go_on.set()
    assert hands.close(30)

    assert slow.begun == [1]


def test_a_row_that_fails_in_hand_keeps_no_other_from_being_done(runtime):
    done = []

    def work(_: Any, row_id: int) -> None:
        if row_id == 1:
            raise ValueError("the first row")
        done.append(row_id)

    hands = Hands(runtime, {Task.EMAIL_BATCH: work})
    for row_id in (1, 2):
        hands.take(Ring(Task.EMAIL_BATCH, row_id, Queue.EMAIL))
    assert hands.wait(30)
    hands.close(30)

    assert done == [2]


BIG = re.compile(r"SCAN (notification|n|batch|b|delivery|revision|destination)\b(?!.* ix_)")


def test_a_sweep_reads_no_table_whole_that_grows_with_the_years(town, runtime, clock):
    """It runs each second, so it may walk what is open, and nothing that is over."""
    if not runtime.db.is_sqlite:
        return  # PostgreSQL chooses by what tables hold, and proves more of a partial index
    town.readers(2)
    town.planned()
    Sweeper(runtime, lambda ring: True).sweep()  # the first one makes the runs of digests
    clock.advance(hours=1)
    with explained(runtime.db.engine) as plans:
        Sweeper(runtime, lambda ring: True).sweep()

    assert len(plans) > 10
    assert [plan for plan in plans if BIG.match(plan)] == []
