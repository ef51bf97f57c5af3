"""Imports: checked before anything is stored, the same after any kill, and taken back exactly.

`TELLAL_IMPORT_ROWS=100000` tries the kill with as many rows as the acceptance asks for.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from service.db import utcnow
from service.jobs import import_rules, running
from service.jobs.import_rules import ImportProblem, ImportState
from service.jobs.import_subscribers import CheckImport, StoreImport
from service.jobs.kind import Kind
from service.models import (
    Batch,
    Consent,
    Destination,
    Erasure,
    ImportEntry,
    ImportRun,
    Job,
    JobFile,
    JobState,
    Notification,
    OneTimeToken,
    Staff,
    Subscription,
    Suppression,
)
from service.runtime import Runtime
from service.subscriptions import erasures
from service.subscriptions.addresses import address_hash
from service.subscriptions.subscribe import confirm
from service.subscriptions.unsubscribe import end_all
from tests.integration.town import Town

HEADER = "address,topics,places,frequency,language\n"
ROWS = int(os.environ.get("TELLAL_IMPORT_ROWS", "1600"))
TOPICS = ("iklim-cevre", "su-kanal", "iklim-cevre;su-kanal", "")


@pytest.fixture
def staff_id(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        staff = Staff(email="staff@tellal.example", fs_uniquifier="x")
        session.add(staff)
        session.flush()
        return staff.id


class Office:
    """Somebody who imports lists."""

    def __init__(self, runtime: Runtime, staff_id: int) -> None:
        self.runtime, self.staff_id = runtime, staff_id

    def upload(self, *lines: str, **answers: Any) -> int:
        by_letter = answers.pop("by_letter", False)
        text = HEADER + "".join(f"{line}\n" for line in lines)
        with self.runtime.db.write() as session:
            run = import_rules.upload(
                self.runtime,
                session,
                text.encode(),
                self.staff_id,
                origin="Form of 2024",
                evidence="" if by_letter else "File 17/204",
                is_by_letter=by_letter,
            )
        self.work(run.check_job_id or 0)
        return run.id

    def work(self, job_id: int) -> None:
        """Turn after turn, as others of the queue let it."""
        state = JobState.QUEUED
        while state == JobState.QUEUED:
            running.run(self.runtime, job_id)
            with self.runtime.db.read() as session:
                state = session.get_one(Job, job_id).state

    def store(self, run_id: int) -> int:
        with self.runtime.db.write() as session:
            job = import_rules.store(session, run_id, self.staff_id)
        assert job is not None
        return job.id

    def undo(self, run_id: int) -> dict[str, int]:
        with self.runtime.db.write() as session:
            job = import_rules.undo(session, run_id, self.staff_id, utcnow())
        assert job is not None
        self.work(job.id)
        return dict(self.run(run_id).undone["counts"])

    def imported(self, *lines: str, **answers: Any) -> int:
        run_id = self.upload(*lines, **answers)
        self.work(self.store(run_id))
        assert self.state(run_id) is ImportState.STORED
        return run_id

    def run(self, run_id: int) -> ImportRun:
        with self.runtime.db.read() as session:
            return session.get_one(ImportRun, run_id)

    def state(self, run_id: int) -> ImportState:
        with self.runtime.db.read() as session:
            return import_rules.state_of(session, session.get_one(ImportRun, run_id))

    def hashed(self, address: str) -> str:
        return address_hash(self.runtime.vault, "email", address)

    def destination(self, address: str) -> Destination | None:
        with self.runtime.db.read() as session:
            its = Destination.address_hash == self.hashed(address)
            return session.scalars(select(Destination).where(its)).one_or_none()

    def live(self) -> list[tuple[str, str | None]]:
        with self.runtime.db.read() as session:
            found = session.execute(
                select(Destination.address, Subscription.topic_id)
                .join(Subscription, Subscription.destination_id == Destination.id)
                .where(Subscription.ended_at.is_(None))
                .order_by(Destination.address, Subscription.topic_id)
            )
            return [tuple(row) for row in found]


@pytest.fixture
def office(runtime: Runtime, staff_id: int) -> Office:
    return Office(runtime, staff_id)


def count(runtime: Runtime, model: Any) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def lines(number: int) -> list[str]:
    return [f"kisi{n}@example.org,{TOPICS[n % 4]},,daily,tr" for n in range(number)]


def die_at(monkeypatch: pytest.MonkeyPatch, kind: type[Kind], moment: str, at: int) -> None:
    """Let the worker die once: before the piece at a row is worked at, or before its commit."""
    real = getattr(kind, moment)

    def dying(self: Any, runtime: Runtime, *args: Any) -> Any:
        job = args[0] if moment == "work" else args[1]
        done = real(self, runtime, *args)
        if job.done >= at:
            monkeypatch.undo()
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(kind, moment, dying)


def takes_over(office: Office, job_id: int) -> None:
    """Another worker, once the lease of the dead one has ended."""
    with office.runtime.db.write() as session:
        session.execute(update(Job).values(due_at=utcnow() - timedelta(minutes=5)))
    office.work(job_id)


def test_a_killed_import_ends_as_if_nothing_had_happened(
    runtime: Runtime, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.imported("kisi3@example.org,su-kanal,,daily,tr")
    with runtime.db.write() as session:
        session.add(Suppression(address_hash=office.hashed("kisi7@example.org"), reason="asked"))
    wanted = [*lines(ROWS), "KISI9@example.org,spor,,daily,tr"]
    text = HEADER + "".join(f"{line}\n" for line in wanted)
    with runtime.db.write() as session:
        run = import_rules.upload(
            runtime,
            session,
            text.encode(),
            office.staff_id,
            origin="Form",
            evidence="File",
            is_by_letter=False,
        )
    for moment, at in (("work", ROWS // 3), ("store", ROWS // 2)):
        die_at(monkeypatch, CheckImport, moment, at)
        with pytest.raises(KeyboardInterrupt):
            takes_over(office, run.check_job_id or 0)
    takes_over(office, run.check_job_id or 0)
    report = office.run(run.id).report
    assert report["counts"] == {
        "added": ROWS - 2,
        "changed": 1,
        "suppressed": 1,
        "repeated": 1,
    }
    assert (report["rows"], report["wrong"]) == (ROWS + 1, 0)
    assert count(runtime, Destination) == 1  # nothing is stored yet
    job_id = office.store(run.id)
    for moment, at in (("work", ROWS // 3), ("store", ROWS // 2)):
        die_at(monkeypatch, StoreImport, moment, at)
        with pytest.raises(KeyboardInterrupt):
            takes_over(office, job_id)
        with runtime.db.read() as session:
            job = session.get_one(Job, job_id)
            assert (job.total, job.done > 0) == (ROWS + 1, True)
    takes_over(office, job_id)
    result = office.run(run.id).result
    assert result["counts"] == report["counts"]
    assert count(runtime, Destination) == ROWS - 1
    assert len([one for one in office.live() if one[0] == "kisi9@example.org"]) == 2
    assert count(runtime, Consent) == ROWS + 1  # each row that gave something, once
    assert count(runtime, JobFile) == 0
    undone = office.undo(run.id)
    assert undone["erased"] == ROWS - 2
    assert [address for address, _ in office.live()] == ["kisi3@example.org"]


def test_a_list_with_mistakes_is_refused_and_forgotten(runtime: Runtime, office: Office) -> None:
    run_id = office.upload(
        "ayse@example.org,,,,", "ali at example.org,,,,", "b@example.org,ayse@example.org,,,"
    )
    assert office.state(run_id) is ImportState.REFUSED
    report = office.run(run_id).report
    assert report["wrong"] == 2
    assert [line for line, _ in report["errors"]] == [3, 4]
    assert "ali" not in str(report)
    assert "ayse@" not in str(report)
    assert count(runtime, JobFile) == 0
    with runtime.db.write() as session:
        assert import_rules.store(session, run_id, office.staff_id) is None


@pytest.mark.parametrize("content", ["email,name\n", 'address,topics,places,frequency,language\n"'])
def test_what_is_no_list_is_refused(runtime: Runtime, office: Office, content: str) -> None:
    with runtime.db.write() as session:
        run = import_rules.upload(
            runtime,
            session,
            content.encode(),
            office.staff_id,
            origin="Form",
            evidence="File",
            is_by_letter=False,
        )
    office.work(run.check_job_id or 0)
    assert office.state(run.id) is ImportState.REFUSED
    assert office.run(run.id).report["wrong"] == 1


@pytest.mark.parametrize(
    ("content", "origin", "evidence", "by_letter", "field"),
    [
        (b"", "Form", "File", False, "file"),
        (b"\xff\xfe", "Form", "File", False, "file"),
        (b"x" * (import_rules.MAX_BYTES + 1), "Form", "File", False, "file"),
        (b"x", " ", "File", False, "origin"),
        (b"x", "Form", " ", False, "evidence"),
        (b"x", "Form", "File", True, "evidence"),
    ],
)
def test_an_upload_says_what_is_missing(
    runtime: Runtime,
    office: Office,
    content: bytes,
    origin: str,
    evidence: str,
    by_letter: bool,
    field: str,
) -> None:
    with runtime.db.write() as session, pytest.raises(ImportProblem) as problem:
        import_rules.upload(
            runtime,
            session,
            content,
            office.staff_id,
            origin=origin,
            evidence=evidence,
            is_by_letter=by_letter,
        )
    assert problem.value.field == field
    assert count(runtime, ImportRun) == 0


def test_an_undo_leaves_what_people_have_changed_since(
    runtime: Runtime, office: Office, town: Town, clock: Any
) -> None:
    known = town.reader("spor", address="known@example.org")
    run_id = office.imported(
        "known@example.org,iklim-cevre,,,",
        "gone@example.org,iklim-cevre,,,",
        "left@example.org,iklim-cevre,,,",
        "alone@example.org,iklim-cevre,,,",
    )
    gone, left = office.destination("gone@example.org"), office.destination("left@example.org")
    assert gone is not None
    assert left is not None
    erasures.erase_for_good(runtime.db, runtime.settings, gone.id, utcnow())
    with runtime.db.write() as session:
        end_all(session, left.id)
    assert office.undo(run_id) == {"gone": 1, "kept": 1, "ended": 2, "erased": 1}
    assert [address for address, _ in office.live()] == ["known@example.org"]
    assert office.destination("known@example.org") is not None
    assert known == office.destination("known@example.org").id  # type: ignore[union-attr]
    assert office.destination("alone@example.org") is None
    assert office.state(run_id) is ImportState.UNDONE
    with runtime.db.write() as session:
        assert import_rules.undo(session, run_id, office.staff_id, utcnow()) is None
        hashed = office.hashed("alone@example.org")
        assert session.get(Erasure, hashed) is not None  # no backup brings them back


def test_an_undone_list_can_be_imported_again_but_not_for_who_left(
    office: Office, runtime: Runtime
) -> None:
    rows = ("a@example.org,iklim-cevre,,,", "b@example.org,iklim-cevre,,,")
    first = office.imported(*rows)
    left = office.destination("b@example.org")
    assert left is not None
    erasures.erase_for_good(runtime.db, runtime.settings, left.id, utcnow())
    office.undo(first)
    second = office.imported(*rows)
    assert office.run(second).result["counts"] == {"added": 1, "suppressed": 1}
    assert [address for address, _ in office.live()] == ["a@example.org"]


def test_without_proof_everybody_is_asked_at_a_pace(
    runtime: Runtime, office: Office, town: Town
) -> None:
    town.reader("iklim-cevre", address="has@example.org")
    with runtime.db.write() as session:
        session.add(Suppression(address_hash=office.hashed("no@example.org"), reason="complaint"))
    run_id = office.imported(
        "a@example.org,iklim-cevre,,,",
        "b@example.org,iklim-cevre,,,",
        "has@example.org,iklim-cevre,,,",
        "no@example.org,iklim-cevre,,,",
        by_letter=True,
    )
    assert office.run(run_id).result["asked"] == 2
    assert office.live() == [("has@example.org", town.topic("iklim-cevre"))]
    with runtime.db.read() as session:
        due = session.scalars(select(Batch.due_at).order_by(Batch.id)).all()
        tokens = session.scalars(select(OneTimeToken.id).order_by(OneTimeToken.id)).all()
    gap = timedelta(hours=1) / (runtime.settings.confirmation_mails_per_hour // 2)
    assert due[1] - due[0] >= gap * 0.4
    with runtime.db.write() as session:
        confirm(session, runtime.vault, runtime.vault.token("confirm", tokens[0]), "r")
    assert ("a@example.org", town.topic("iklim-cevre")) in office.live()
    assert office.undo(run_id) == {"kept": 1, "links": 1, "erased": 1}
    assert ("a@example.org", town.topic("iklim-cevre")) in office.live()
    assert office.destination("b@example.org") is None
    with runtime.db.read() as session:
        stopped = session.scalars(select(Notification.stopped_at).order_by(Notification.id)).all()
    assert stopped[1] is not None


def test_who_had_asked_and_not_confirmed_is_unconfirmed_again(
    office: Office, town: Town, runtime: Runtime
) -> None:
    waiting = town.reader("spor", address="waits@example.org", is_verified=False)
    town.unsubscribe(waiting)
    run_id = office.imported("waits@example.org,iklim-cevre,,,")
    assert office.destination("waits@example.org").verified_at  # type: ignore[union-attr]
    assert office.undo(run_id) == {"ended": 1}
    assert office.destination("waits@example.org").verified_at is None  # type: ignore[union-attr]


def test_a_dropped_list_is_gone_and_an_old_one_goes_by_itself(
    runtime: Runtime, office: Office, clock: Any
) -> None:
    dropped, old = office.upload("a@example.org,,,,"), office.upload("a@example.org,,,,")
    with runtime.db.write() as session:
        assert import_rules.drop(session, dropped, utcnow())
        assert not import_rules.drop(session, dropped, utcnow())
        assert import_rules.store(session, dropped, office.staff_id) is None
    assert count(runtime, JobFile) == 1
    later = utcnow() + import_rules.KEPT_FOR + timedelta(hours=1)
    with runtime.db.write() as session:
        assert import_rules.forget_old(session, later) == 1
    assert office.state(old) is ImportState.DROPPED
    assert count(runtime, JobFile) == 0


def test_what_was_added_is_forgotten_when_nobody_can_undo_it(
    runtime: Runtime, office: Office
) -> None:
    run_id = office.imported("a@example.org,,,,")
    assert count(runtime, ImportEntry) == 1
    later = utcnow() + import_rules.UNDO_WITHIN + timedelta(hours=1)
    with runtime.db.write() as session:
        assert import_rules.undo(session, run_id, office.staff_id, later) is None
        import_rules.forget_old(session, later)
    assert count(runtime, ImportEntry) == 0


def test_a_cancelled_import_can_be_undone_and_not_resumed_after(
    runtime: Runtime, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = office.upload(*lines(600))
    job_id = office.store(run_id)
    die_at(monkeypatch, StoreImport, "work", 500)
    with pytest.raises(KeyboardInterrupt):
        office.work(job_id)
    with runtime.db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(state="cancelled"))
    assert office.state(run_id) is ImportState.STOPPED
    assert office.undo(run_id)["erased"] == 500
    with runtime.db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(state="queued"))
    takes_over(office, job_id)
    with runtime.db.read() as session:
        assert "Upload it again" in session.get_one(Job, job_id).error
    assert office.live() == []
