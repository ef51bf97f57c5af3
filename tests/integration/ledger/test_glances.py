"""Last looks: few for many that leave together, and none that is older than it may be."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from service.ledger.lease import pending
from workers.glances import Glances

LONG_S, SLOW_S = 60.0, 1.0
AT_ONCE, MANY = 60, 170


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the looks at the database."""
    found: list[int] = []

    def counted(*arguments):
        rows = pending(*arguments)
        found.append(len(rows))
        return rows

    monkeypatch.setattr("workers.glances.pending", counted)
    return found


@pytest.fixture
def glances(town, runtime, one_batch, take):
    notification, batch = one_batch(MANY)
    lease = take(batch)
    assert lease is not None
    return Glances(runtime.db, lease), sorted(town.states(notification))


def test_one_look_serves_all_that_leave_together(glances, looks):
    one, readers = glances
    for start in range(0, MANY, AT_ONCE):
        for reader in readers[start : start + AT_ONCE]:
            one.expect(reader)
        for reader in reversed(readers[start : start + AT_ONCE]):  # threads come in any order
            found = one.at(reader, LONG_S)
            assert found is not None
            assert found["destination_id"] == reader
            assert found["is_eligible"]
            one.forget(reader)

    assert len(looks) == 2


def test_a_look_that_is_too_old_counts_no_more(glances, looks, town):
    one, readers = glances
    first = readers[0]
    found = one.at(first, LONG_S)
    assert found is not None
    assert found["is_eligible"]

    town.unsubscribe(first)

    seen_before, seen_now = one.at(first, LONG_S), one.at(first, 0.0)
    assert seen_before is not None
    assert seen_now is not None
    assert (bool(seen_before["is_eligible"]), bool(seen_now["is_eligible"])) == (True, False)


def test_who_leaves_while_a_look_takes_its_time_is_seen_by_a_second_one(glances, monkeypatch, town):
    one, readers = glances
    first = readers[0]
    sizes = []

    def slow_for_many(session, lease, after, size):
        sizes.append(size)
        rows = pending(session, lease, after, size)
        if size > 1:
            town.unsubscribe(first)  # after what the look has seen, before it ends
            time.sleep(SLOW_S)
        return rows

    monkeypatch.setattr("workers.glances.pending", slow_for_many)
    found = one.at(first, SLOW_S / 2)

    assert found is not None
    assert not found["is_eligible"]
    assert len(sizes) == 2
    assert sizes[-1] == 1


def test_those_who_wait_for_a_look_that_fails_fail_with_it(glances, monkeypatch):
    one, readers = glances
    asking, may_fail = threading.Semaphore(0), threading.Event()
    tries = []

    def gone(*_) -> None:
        tries.append(1)
        may_fail.wait(LONG_S)
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    def ask(reader: int) -> None:
        asking.release()
        with pytest.raises(OperationalError):
            one.at(reader, LONG_S)

    monkeypatch.setattr("workers.glances.pending", gone)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, reader) for reader in readers[:8]]
        for _ in asked:
            asking.acquire()
        may_fail.set()
        for one_asked in asked:
            one_asked.result(LONG_S)

    assert len(tries) < 8, "one failure is told to those who wait for it"


def test_what_is_not_in_the_lease_is_nobodys(glances, looks):
    one, readers = glances

    assert one.at(readers[-1] + 1, LONG_S) is None
    assert one.at(readers[-1] + 2, LONG_S) is None
    assert len(looks) == 1


def test_a_look_costs_the_same_however_much_its_readers_were_told_before(
    runtime, town, one_batch, take
):
    """Each row that is looked through would cost a page of the disk, of a reader of all news many
    thousands."""
    first, batch = one_batch(20)
    fresh = _cost_of_a_look(runtime, take(batch))
    for _ in range(60):
        last = town.planned()
    (batch,) = town.batches(last)

    assert len(town.states(last)) == len(town.states(first)) == 20
    assert _cost_of_a_look(runtime, take(batch)) < 1.5 * fresh


def _cost_of_a_look(runtime, lease) -> int:
    with runtime.db.read() as session:
        count = _steps if runtime.db.is_sqlite else _pages
        pending(session, lease, 0, 20)  # what is only read the first time does not count
        return count(session, lambda: pending(session, lease, 0, 20))


def _steps(session, look) -> int:
    """Of SQLite's machine."""
    steps: list[int] = []
    connection = session.connection().connection.driver_connection
    connection.set_progress_handler(lambda: steps.append(1), 1)
    assert len(look()) == 20
    connection.set_progress_handler(None, 1)
    return len(steps)


def _pages(session, look) -> int:
    """That PostgreSQL reads by its indexes, as it does where tables are large."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    pages: list[int] = []

    def explain(_connection, cursor, statement, values, _context, _is_many):
        with cursor.connection.cursor() as own:
            own.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
            (((found,),),) = own.fetchall()
        pages.append(found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"])

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", explain)
    assert len(look()) == 20
    event.remove(connection, "before_cursor_execute", explain)
    return sum(pages)
