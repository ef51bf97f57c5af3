"""The log of acts: written with what it tells, in one order, and found out where it was changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import delete, select, update

from service import acts
from service.acts import Actor
from service.models import AuditEntry, AuditHead, Staff, Via
from service.runtime import Runtime


@pytest.fixture
def actor(runtime: Runtime) -> Actor:
    with runtime.db.write() as session:
        staff = Staff(email="staff@tellal.example", fs_uniquifier="x")
        session.add(staff)
        session.flush()
        return Actor(staff.id, Via.PAGE, "request")


def write(runtime: Runtime, actor: Actor, count: int = 1) -> None:
    for number in range(count):
        with runtime.db.write() as session:
            acts.record(session, runtime.vault, actor, "test.act", number, note="şükür", n=1.5)


def breaks(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        return [str(one) for one in acts.broken_links(session, runtime.vault)]


def test_a_whole_chain_has_no_break(runtime: Runtime, actor: Actor) -> None:
    write(runtime, actor, 5)
    with runtime.db.write() as session:
        acts.record(session, runtime.vault, actor, "first")
        acts.record(session, runtime.vault, actor, "second")
    assert breaks(runtime) == []
    with runtime.db.read() as session:
        query = select(AuditEntry.number).order_by(AuditEntry.number)
        assert session.scalars(query).all() == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_rolled_back_leaves_no_line(runtime: Runtime, actor: Actor) -> None:
    with suppress(ZeroDivisionError), runtime.db.write() as session:
        acts.record(session, runtime.vault, actor, "test.act")
        raise ZeroDivisionError
    write(runtime, actor)
    assert breaks(runtime) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (update(AuditEntry).where(AuditEntry.number == 3).values(act="other"), "entry 3: changed"),
        (update(AuditEntry).where(AuditEntry.number == 3).values(detail={}), "entry 3: changed"),
        (update(AuditEntry).where(AuditEntry.number == 3).values(staff_id=None), "entry 3: chang"),
        (update(AuditEntry).where(AuditEntry.number == 3).values(via="cli"), "entry 3: changed"),
        (delete(AuditEntry).where(AuditEntry.number == 3), "entry 3: missing"),
        (delete(AuditEntry).where(AuditEntry.number.in_((2, 3))), "entry 2: missing, up to 3"),
        (delete(AuditEntry).where(AuditEntry.number == 5), "ends with entry 4, but entry 5"),
        (update(AuditEntry).where(AuditEntry.number == 3).values(number=None), "beside the chain"),
        (update(AuditHead).values(number=9), "but entry 9 was written"),
    ],
)
def test_a_changed_or_missing_row_is_found(
    runtime: Runtime, actor: Actor, change: object, says: str
) -> None:
    write(runtime, actor, 5)
    with runtime.db.write() as session:
        session.execute(change)  # type: ignore[call-overload]
    assert says in "; ".join(breaks(runtime))


def test_whom_it_was_about_can_be_forgotten(runtime: Runtime, actor: Actor) -> None:
    with runtime.db.write() as session:
        acts.record(session, runtime.vault, actor, "test.act", subject="some hash")
    with runtime.db.write() as session:
        acts.forget_subjects(session, {"some hash"})
    with runtime.db.read() as session:
        assert session.scalars(select(AuditEntry.subject)).one() == ""
    assert breaks(runtime) == []


def test_many_at_once_make_one_chain(runtime: Runtime, actor: Actor) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write(runtime, actor, 5), range(4)))
    assert breaks(runtime) == []


def test_old_entries_are_taken_in(runtime: Runtime, actor: Actor) -> None:
    with runtime.db.write() as session:
        session.add(AuditEntry(staff_id=actor.staff_id, act="old", via=Via.CLI))
    assert "beside the chain" in "; ".join(breaks(runtime))
    with runtime.db.write() as session:
        assert acts.adopt(session, runtime.vault) == 1
    write(runtime, actor)
    assert breaks(runtime) == []
