"""Jobs as staff see them: started, cancelled, resumed; and how a lost one is found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import rows, utcnow
from service.ledger.waiting import Ring
from service.models import Job, JobFile, JobState
from service.runtime import Runtime
from service.tasks import HOME, Queue, Task

LIMIT = 50
RING_PATIENCE = timedelta(seconds=5)


def start(session: Session, kind: str, staff_id: int, **params: Any) -> Job:
    """Queue a job in the caller's transaction; `ring` for it after the commit."""
    job = Job(kind=kind, staff_id=staff_id, params=params)
    session.add(job)
    session.flush()
    return job


def ring(runtime: Runtime, job_id: int) -> None:
    """Tell a worker of a job that was committed."""
    runtime.doorbell.ring(Task.RUN_JOB, job_id)


def cancel(session: Session, job_id: int, now: datetime) -> bool:
    """Let it end after the piece in hand, at once where none is; False where it had ended."""
    waiting = update(Job).where(Job.id == job_id, Job.state == JobState.QUEUED)
    if rows(session, waiting.values(state=JobState.CANCELLED, ended_at=now)):
        return True
    running = update(Job).where(Job.id == job_id, Job.state == JobState.RUNNING)
    return bool(rows(session, running.values(is_cancelling=True)))


def resume(session: Session, job_id: int, now: datetime) -> bool:
    """Let a failed or cancelled job go on where it stopped; False where it had not."""
    stopped = update(Job).where(Job.id == job_id)
    stopped = stopped.where(Job.state.in_((JobState.FAILED, JobState.CANCELLED)))
    values = {
        "state": JobState.QUEUED,
        "is_cancelling": False,
        "error": "",
        "attempts": 0,
        "ended_at": None,
        "due_at": now,
        "rung_at": now,
    }
    return bool(rows(session, stopped.values(**values)))


def keep_file(
    runtime: Runtime, session: Session, job_id: int, name: str, media_type: str, text: str
) -> None:
    """Keep a file with its job, sealed; one of the same name is replaced."""
    sealed = runtime.vault.encrypt(text).encode()
    file = JobFile(job_id=job_id, name=name, media_type=media_type, sealed=sealed)
    session.merge(file)


def read_file(runtime: Runtime, session: Session, job_id: int, name: str) -> str | None:
    """The text of a file of a job; null where there is none (any more)."""
    file = session.get(JobFile, (job_id, name))
    return None if file is None else runtime.vault.decrypt(file.sealed.decode())


def files_of(session: Session, job_id: int) -> Sequence[JobFile]:
    """What files a job has, without their contents."""
    query = select(JobFile).where(JobFile.job_id == job_id).order_by(JobFile.name)
    return session.scalars(query).all()


def newest(
    session: Session,
    *,
    before: int | None = None,
    staff_id: int | None = None,
    state: JobState | None = None,
    limit: int,
) -> Sequence[Job]:
    """Jobs, the newest first, those below the id `before`."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Job.id < before)
    if staff_id is not None:
        query = query.where(Job.staff_id == staff_id)
    if state is not None:
        query = query.where(Job.state == state)
    return session.scalars(query).all()


def waiting_jobs(
    session: Session, now: datetime, rung_before: datetime, full: Collection[Queue] = ()
) -> list[Ring]:
    """Jobs that nobody runs, though they are due."""
    if HOME[Task.RUN_JOB] in full:
        return []
    waiting = (
        select(Job.id)
        .where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .where(Job.due_at <= now, Job.rung_at < rung_before)
        .order_by(Job.due_at)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = session.scalars(
        update(Job)
        .where(Job.id.in_(waiting))
        .values(rung_at=now)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).all()
    return [Ring(Task.RUN_JOB, job_id, HOME[Task.RUN_JOB]) for job_id in found]


def progress(job: Job) -> float | None:
    """The done part of a job, 0 to 1; null where nobody knows how much there is."""
    if job.state == JobState.DONE:
        return 1.0
    return min(job.done / job.total, 1.0) if job.total else None


@dataclass(frozen=True)
class Pace:
    """How a job gets on: pieces of its work a second, and how long the rest may take."""

    per_second: float | None
    left: timedelta | None


def pace(job: Job, now: datetime) -> Pace:
    """From its start on, waits of others of the queue included; null where nobody can tell."""
    if job.started_at is None or not job.done:
        return Pace(None, None)
    seconds = ((job.ended_at or now) - job.started_at).total_seconds()
    if seconds <= 0:
        return Pace(None, None)
    per_second = job.done / seconds
    if job.ended_at is not None or not job.total:
        return Pace(per_second, None)
    return Pace(per_second, timedelta(seconds=max(job.total - job.done, 0) / per_second))


def is_lost(job: Job) -> bool:
    """Whether its worker has died: somebody takes it over within seconds."""
    return job.state == JobState.RUNNING and job.due_at < utcnow()
