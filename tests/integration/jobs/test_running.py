"""Jobs: every piece once, whoever dies, cancels or comes second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from service import jobs
from service.db import utcnow
from service.jobs import queue, running
from service.jobs.kind import JobError, Kind
from service.models import Job, JobState, Staff
from service.runtime import Runtime
from workers.recover import sweep_once

before_piece: Callable[[Runtime, Job], None] = lambda _runtime, _job: None  # noqa: E731


class Counting(Kind):
    """Counts to `params['until']` and notes every number."""

    def count(self, runtime: Runtime, job: Job) -> int:
        return int(job.params["until"])

    def work(self, runtime: Runtime, job: Job) -> int | None:
        before_piece(runtime, job)
        number = int(job.cursor.get("number", 0))
        return number + 1 if number < job.params["until"] else None

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Any) -> None:
        job.cursor, job.done = {"number": piece}, piece
        job.result = {"said": [*job.result.get("said", []), piece]}

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        queue.keep_file(runtime, session, job.id, "result", "text/plain", "bitti")


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobs.KINDS, "counting", f"{__name__}:Counting")
    monkeypatch.setattr(jobs, "kind_of", lambda _name: Counting())
    monkeypatch.setattr(running, "kind_of", lambda _name: Counting())


@pytest.fixture
def job_id(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        staff = Staff(email="staff@tellal.example", fs_uniquifier="x")
        session.add(staff)
        session.flush()
        return queue.start(session, "counting", staff.id, until=5).id


def stored(runtime: Runtime, job_id: int) -> Job:
    with runtime.db.read() as session:
        return session.get_one(Job, job_id)


def hook(monkeypatch: pytest.MonkeyPatch, at: int, do: Callable[[Runtime, Job], None]) -> None:
    def check(runtime: Runtime, job: Job) -> None:
        if job.cursor.get("number", 0) == at:
            monkeypatch.undo()
            monkeypatch.setattr(running, "kind_of", lambda _name: Counting())
            do(runtime, job)

    monkeypatch.setitem(globals(), "before_piece", check)


def test_a_job_is_done_piece_by_piece(runtime: Runtime, job_id: int) -> None:
    running.run(runtime, job_id)
    job = stored(runtime, job_id)
    assert (job.state, job.done, job.total) == (JobState.DONE, 5, 5)
    assert job.result == {"said": [1, 2, 3, 4, 5]}
    with runtime.db.read() as session:
        assert queue.read_file(runtime, session, job_id, "result") == "bitti"
    running.run(runtime, job_id)
    assert stored(runtime, job_id).done == 5


def test_a_worker_that_dies_loses_and_doubles_nothing(
    runtime: Runtime, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_runtime: Runtime, _job: Job) -> None:
        raise KeyboardInterrupt

    hook(monkeypatch, 3, die)
    with pytest.raises(KeyboardInterrupt):
        running.run(runtime, job_id)
    assert stored(runtime, job_id).state == JobState.RUNNING
    running.run(runtime, job_id)  # its lease has not ended
    assert stored(runtime, job_id).done == 3
    with runtime.db.write() as session:
        long_ago = utcnow() - timedelta(minutes=5)
        session.execute(update(Job).values(due_at=long_ago, rung_at=long_ago))
    runtime.doorbell.close()
    sweep_once(runtime)
    with runtime.db.read() as session:
        assert session.get_one(Job, job_id).rung_at > long_ago
    running.run(runtime, job_id)
    assert stored(runtime, job_id).result == {"said": [1, 2, 3, 4, 5]}


def test_who_lost_the_lease_writes_nothing(
    runtime: Runtime, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtake(runtime: Runtime, job: Job) -> None:
        with runtime.db.write() as session:
            session.execute(update(Job).values(due_at=utcnow()))
        running.run(runtime, job.id)

    hook(monkeypatch, 2, overtake)
    running.run(runtime, job_id)
    assert stored(runtime, job_id).result == {"said": [1, 2, 3, 4, 5]}


def test_a_cancelled_job_stops_and_can_go_on(
    runtime: Runtime, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(runtime: Runtime, job: Job) -> None:
        with runtime.db.write() as session:
            assert queue.cancel(session, job.id, utcnow())

    hook(monkeypatch, 2, cancel)
    running.run(runtime, job_id)
    job = stored(runtime, job_id)
    assert (job.state, job.done) == (JobState.CANCELLED, 3)
    with runtime.db.write() as session:
        assert not queue.cancel(session, job_id, utcnow())
        assert queue.resume(session, job_id, utcnow())
        assert not queue.resume(session, job_id, utcnow())
    running.run(runtime, job_id)
    assert stored(runtime, job_id).result == {"said": [1, 2, 3, 4, 5]}


def test_what_cannot_go_on_says_why(
    runtime: Runtime, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_runtime: Runtime, _job: Job) -> None:
        raise JobError("the file has no column `email`; add it")

    hook(monkeypatch, 1, refuse)
    running.run(runtime, job_id)
    job = stored(runtime, job_id)
    assert (job.state, job.error) == (JobState.FAILED, "the file has no column `email`; add it")


def test_an_error_of_ours_shows_no_trace(
    runtime: Runtime, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(_runtime: Runtime, _job: Job) -> None:
        raise ZeroDivisionError("secret")

    hook(monkeypatch, 1, break_)
    running.run(runtime, job_id)
    assert stored(runtime, job_id).error == running.BROKE


def test_one_that_kills_every_worker_is_given_up(runtime: Runtime, job_id: int) -> None:
    with runtime.db.write() as session:
        session.execute(update(Job).values(attempts=running.MOST_ATTEMPTS))
    running.run(runtime, job_id)
    assert stored(runtime, job_id).state == JobState.FAILED
