"""The log of acts: written with what it tells, in one order, and found out where it was changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

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


def tamper(runtime: Runtime, change: object) -> None:
    """Change the log as somebody can who owns the database: without its triggers."""
    on = "" if runtime.db.is_sqlite else " ON audit"
    with runtime.db.write() as session:
        for name in ("audit_no_update", "audit_no_delete"):
            session.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))
        session.execute(change)  # type: ignore[call-overload]


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
    tamper(runtime, change)
    assert says in "; ".join(breaks(runtime))


@pytest.mark.parametrize(
    "change",
    [
        update(AuditEntry).values(act="other"),
        update(AuditEntry).values(detail={}),
        update(AuditEntry).values(number=7),
        update(AuditEntry).values(mac=""),
        update(AuditEntry).values(subject="somebody else"),
        delete(AuditEntry),
    ],
)
def test_the_database_refuses_to_change_the_log(
    runtime: Runtime, actor: Actor, change: object
) -> None:
    write(runtime, actor, 1)
    with pytest.raises(DBAPIError, match="append-only"), runtime.db.write() as session:
        session.execute(change)  # type: ignore[call-overload]
    assert breaks(runtime) == []


def test_the_end_of_the_chain_can_be_judged_alone(runtime: Runtime, actor: Actor) -> None:
    write(runtime, actor, 6)
    tamper(runtime, update(AuditEntry).where(AuditEntry.number == 2).values(act="other"))
    with runtime.db.read() as session:
        assert list(acts.broken_links(session, runtime.vault, 3)) == []
        assert list(acts.broken_links(session, runtime.vault, 1)) != []
        assert acts.length(session) == 6
        assert "entry 9: missing" in [
            str(one) for one in acts.broken_links(session, runtime.vault, 9)
        ]


def test_a_line_of_the_logs_is_a_witness(runtime: Runtime, actor: Actor) -> None:
    write(runtime, actor, 2)
    with runtime.db.read() as session:
        mac = session.scalars(select(AuditEntry.mac).where(AuditEntry.number == 2)).one()
        assert acts.is_anchored(session, 2, mac)
        assert not acts.is_anchored(session, 1, mac)
        assert not acts.is_anchored(session, 3, mac)


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
