"""Running a job: claimed by one worker, piece by piece, each written with the cursor behind it."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError

from service.db import rows, utcnow
from service.jobs import kind_of, queue
from service.jobs.kind import JobError, Kind
from service.logs import get_logger
from service.models import Job, JobState
from service.runtime import Runtime

log = get_logger(__name__)

LEASE = timedelta(seconds=60)  # for one piece; renewed with each
TURN_S = 30.0  # then others of the queue have their turn
MOST_ATTEMPTS = 5  # deaths or errors in a row; a piece that is written starts the count again
BROKE = "Something broke on our side; the log says more. What was done stays done; resume it later."


def run(runtime: Runtime, job_id: int) -> None:
    """Run a job for one turn. Safe twice and at once: one of two claims it, the other returns."""
    lease = secrets.token_hex(8)
    job = _claim(runtime, job_id, lease)
    if job is None:
        return
    until = time.monotonic() + TURN_S
    try:
        kind = kind_of(job.kind)
        if job.total is None and not job.cursor:
            job.total = kind.count(runtime, job)
        while job is not None and time.monotonic() < until:
            job = _piece(runtime, kind, job, lease)
        if job is not None:
            _hand_back(runtime, job_id, lease)
    except JobError as error:
        _fail(runtime, job_id, lease, str(error))
    except (OperationalError, InterfaceError):
        raise  # the lease ends, and somebody takes it over once the database is back
    except Exception:
        log.exception("job broke", job_id=job_id)
        _fail(runtime, job_id, lease, BROKE)


def _claim(runtime: Runtime, job_id: int, lease: str) -> Job | None:
    now = utcnow()
    due = update(Job).where(Job.id == job_id, Job.due_at <= now)
    due = due.where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
    with runtime.db.write() as session:
        values = {"state": JobState.RUNNING, "lease": lease, "due_at": now + LEASE}
        if not rows(session, due.values(**values, attempts=Job.attempts + 1)):
            return None
        job = session.get_one(Job, job_id)
        job.started_at = job.started_at or now
        if job.attempts > MOST_ATTEMPTS:
            job.state, job.lease, job.ended_at, job.error = JobState.FAILED, None, now, BROKE
            return None
        session.flush()
        session.expunge(job)
    return job


def _piece(runtime: Runtime, kind: Kind, job: Job, lease: str) -> Job | None:
    """One piece; null where the job has ended, or is somebody else's by now."""
    piece = None if job.is_cancelling else kind.work(runtime, job)
    now = utcnow()
    with runtime.db.write() as session:
        own = update(Job).where(Job.id == job.id, Job.lease == lease)
        if not rows(session, own.values(due_at=now + LEASE, rung_at=now, attempts=0)):
            return None
        fresh = session.get_one(Job, job.id, populate_existing=True)
        if fresh.total is None:
            fresh.total = job.total
        if piece is not None:
            kind.store(runtime, session, fresh, piece)
        if fresh.is_cancelling or piece is None:
            if not fresh.is_cancelling:
                kind.end(runtime, session, fresh)
            fresh.state = JobState.CANCELLED if fresh.is_cancelling else JobState.DONE
            fresh.lease, fresh.ended_at = None, now
            return None
        session.flush()
        session.expunge(fresh)
    return fresh


def _hand_back(runtime: Runtime, job_id: int, lease: str) -> None:
    """After a turn: due at once, behind what else waits in the queue."""
    now = utcnow()
    own = update(Job).where(Job.id == job_id, Job.lease == lease)
    with runtime.db.write() as session:
        values = {"state": JobState.QUEUED, "lease": None, "due_at": now, "rung_at": now}
        is_own = rows(session, own.values(**values))
    if is_own:
        queue.ring(runtime, job_id)


def _fail(runtime: Runtime, job_id: int, lease: str, error: str) -> None:
    own = update(Job).where(Job.id == job_id, Job.lease == lease)
    values = {"state": JobState.FAILED, "lease": None, "error": error[:500], "ended_at": utcnow()}
    with runtime.db.write() as session:
        rows(session, own.values(**values))
