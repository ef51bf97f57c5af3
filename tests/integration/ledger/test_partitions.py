"""Partitions on PostgreSQL: made ahead, dropped when nobody needs them, in nobody's way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import insert, text, update

from service.ledger import partitions
from service.ledger.partitions import Partition, make_ahead
from service.ledger.retention import Retention
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Notification,
    NotificationState,
)
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
FIRST = [Partition(0, 1_000), Partition(1_000, 2_000), Partition(2_000, 3_000)]


@pytest.fixture
def told(runtime, town, clock):
    """Sends a notification with this number; the readers are there before."""

    def tell(number: int, *, is_over: bool = True) -> int:
        id_ = town.notification(town.article())
        with runtime.db.write() as session:
            session.execute(
                update(Notification)
                .where(Notification.id == id_)
                .values(id=number, created_at=clock())
            )
        plan_notification(runtime, number)
        if is_over:
            with runtime.db.write() as session:
                session.execute(update(Delivery).values(state=DeliveryState.REJECTED))
                session.execute(update(Batch).values(state=BatchState.DONE))
                session.execute(
                    update(Notification)
                    .where(Notification.id == number)
                    .values(state=NotificationState.DONE, done_at=clock())
                )
        return number

    return tell


@pytest.fixture
def run(runtime, clock):
    """Does all of a night's retention; returns how many of each there were."""

    def run() -> dict[str, int]:
        done = {"archived": 0, "dropped": 0, "deleted": 0}
        for step in Retention.of(runtime.db, runtime.settings).steps(clock()):
            done[step.what] += step.count
        return done

    return run


def there(runtime) -> list[Partition]:
    with runtime.db.read() as session:
        return partitions.partitions(session)


def holds(runtime, table: str) -> int:
    with runtime.db.read() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def test_two_partitions_lie_ahead_of_the_newest_notification(runtime, town, told, clock):
    assert make_ahead(runtime.db, clock()) == []
    if runtime.db.is_sqlite:
        assert there(runtime) == []
        return
    assert there(runtime) == FIRST
    told(600)
    clock.advance(days=8)
    told(1_500)

    assert make_ahead(runtime.db, clock()) == [Partition(3_000, 4_000)]
    assert make_ahead(runtime.db, clock()) == []


def test_a_partition_is_as_wide_as_what_a_week_used(runtime, town, told, clock):
    if runtime.db.is_sqlite:
        return
    told(100)
    clock.advance(days=10)
    told(2_800)

    assert make_ahead(runtime.db, clock()) == [Partition(3_000, 5_700), Partition(5_700, 8_400)]


def test_a_number_without_a_partition_is_told_and_forgotten_too(runtime, town, told, run, clock):
    """The chore did not run for long: what came meanwhile is in the default partition."""
    readers = town.readers(3)
    told(5_000)
    if not runtime.db.is_sqlite:
        assert holds(runtime, "delivery_default") == 3
        made = make_ahead(runtime.db, clock())
        assert made == [Partition(6_001, 11_001), Partition(11_001, 16_001)]
    assert set(town.states(5_000)) == set(readers)
    told(6_500)
    clock.advance(days=91)

    assert run()["archived"] == 6
    assert town.states(5_000) == {}


def test_a_new_partition_keeps_clear_of_rows_in_the_default_one(runtime, town, told, clock):
    if runtime.db.is_sqlite:
        return
    told(5_000)
    ahead = {"notification_id": 9_000, "destination_id": 1, "state": DeliveryState.SUPPRESSED}
    with runtime.db.write() as session:
        session.execute(insert(Delivery), [ahead])
    made = make_ahead(runtime.db, clock())
    with runtime.db.write() as session:
        session.execute(text("DELETE FROM delivery WHERE notification_id = 9000"))

    assert made == [Partition(10_001, 15_001), Partition(15_001, 20_001)]


def test_a_row_in_the_way_of_a_partition_puts_it_off(runtime, town, told, clock, monkeypatch):
    """It came after the look: nothing is lost, and the next run looks again."""
    if runtime.db.is_sqlite:
        return
    town.readers(1)
    told(5_000)
    monkeypatch.setattr(partitions, "_next", lambda session, now: Partition(4_500, 5_500))

    assert make_ahead(runtime.db, clock()) == []
    assert there(runtime) == FIRST


def test_chores_at_once_make_each_partition_once(runtime, town, told, clock):
    if runtime.db.is_sqlite:
        return
    told(2_900)
    start = threading.Barrier(4)

    def once() -> list[Partition]:
        start.wait()
        return make_ahead(runtime.db, clock())

    with ThreadPoolExecutor(4) as pool:
        made = [one for future in [pool.submit(once) for _ in range(4)] for one in future.result()]
    made += make_ahead(runtime.db, clock())  # of those that found the turn taken

    assert len(made) == len(set(made)) == 2
    assert all(one.upper == other.lower for one, other in pairwise(there(runtime)))


def test_planning_goes_on_while_a_partition_is_made(runtime, town, told, clock, monkeypatch):
    if runtime.db.is_sqlite:
        return
    monkeypatch.setattr(partitions, "PATIENCE", "100ms")
    told(2_500)
    row = {"notification_id": 2_500, "destination_id": 7, "state": DeliveryState.SUPPRESSED}
    with runtime.db.write() as session:
        session.execute(insert(Delivery), [row])

        assert len(make_ahead(runtime.db, clock())) == 2
        session.rollback()


def test_a_partition_goes_once_all_in_it_are_archived(runtime, town, told, run, clock):
    town.readers(2)
    for number in (10, 20, 999):
        told(number)
    clock.advance(days=89)
    told(1_001, is_over=False)
    clock.advance(days=2)
    done = run()

    assert done["archived"] == 6
    if runtime.db.is_sqlite:
        assert done["dropped"] == 0
    else:
        assert done["dropped"] == 1
        assert there(runtime) == FIRST[1:]
        assert done["deleted"] == town.count(Notification) - 1  # their batches alone
    assert [len(town.states(number)) for number in (10, 20, 999, 1_001)] == [0, 0, 0, 2]


def test_the_newest_partition_is_never_dropped(runtime, town, told, run, clock):
    if runtime.db.is_sqlite:
        return
    told(10)
    clock.advance(days=200)

    assert run()["dropped"] == 0
    assert there(runtime) == FIRST


def test_a_neighbour_that_never_ends_keeps_nobody_s_rows(runtime, town, told, run, clock):
    town.readers(2)
    told(10)
    told(20, is_over=False)
    told(1_001, is_over=False)
    clock.advance(days=91)
    first = run()
    clock.advance(days=9)
    second = run()

    assert (first["dropped"], second["dropped"]) == (0, 0)
    assert first["deleted"] + second["deleted"] == 3  # two rows and their batch
    assert [len(town.states(number)) for number in (10, 20, 1_001)] == [0, 2, 2]


def test_a_drop_gives_way_to_whoever_reads(runtime, town, told, run, clock, monkeypatch):
    if runtime.db.is_sqlite:
        return
    monkeypatch.setattr(partitions, "PATIENCE", "50ms")
    town.readers(2)
    told(10)
    told(1_001)
    clock.advance(days=91)
    with runtime.db.read() as session:
        session.execute(text("SELECT count(*) FROM delivery"))
        assert run()["dropped"] == 0
        assert town.findings() == []

    assert run()["dropped"] == 1
    assert len(town.states(1_001)) == 2  # waits for its own


def test_a_partition_waits_a_day_for_those_who_took_a_number(runtime, town, told, clock):
    if runtime.db.is_sqlite:
        return
    told(10)
    clock.advance(days=91)
    told(1_001)
    for _ in Retention.of(runtime.db, runtime.settings).steps(clock()):
        pass

    assert there(runtime) == FIRST
    later = clock() + timedelta(days=1, seconds=1)
    assert partitions.drop(runtime.db, FIRST[0], later)
    assert not partitions.drop(runtime.db, FIRST[0], later)
