"""Imports as staff see them: a list is checked, then stored or dropped, and can be undone.

Each step is a job that is started once: whoever sets the run's column first has started it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from service.bounces import strip_addresses
from service.db import rows
from service.jobs import queue
from service.models import ImportEntry, ImportRun, Job, JobFile, JobState
from service.runtime import Runtime

MAX_BYTES = 20 * 1024 * 1024
FILE, MEDIA_TYPE = "list.csv", "text/csv"
KEPT_FOR = timedelta(days=7)  # a list that nobody has stored
UNDO_WITHIN = timedelta(days=90)
MAX_ORIGIN, MAX_EVIDENCE = 200, 200  # characters
CHECK, STORE, UNDO = "import-check", "import-store", "import-undo"
STOPPED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class ImportState(StrEnum):
    """Where an import is."""

    CHECKING = "checking"
    REFUSED = "refused"  # some rows are wrong
    CHECKED = "checked"
    STORING = "storing"
    STORED = "stored"
    UNDOING = "undoing"
    UNDONE = "undone"
    DROPPED = "dropped"
    STOPPED = "stopped"  # the job of its step failed or was cancelled, and can be resumed


class ImportProblem(ValueError):
    """It cannot be done; `field` names the answer that is wrong, the text how to mend it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


def upload(
    runtime: Runtime,
    session: Session,
    content: bytes,
    staff_id: int,
    *,
    origin: str,
    evidence: str,
    is_by_letter: bool,
) -> ImportRun:
    """Keep a list, sealed, and start its check; ring for the job after the commit.

    Raises:
        ImportProblem: the list is none, or nobody says where the consent is from.
    """
    origin, evidence = strip_addresses(origin), strip_addresses(evidence)
    if not origin:
        raise ImportProblem("origin", "Say where the consent was given")
    if bool(evidence) is is_by_letter:
        raise ImportProblem(
            "evidence", "Say where the proof of the consents is kept, or choose confirmation mails"
        )
    text = _decoded(content)
    run = ImportRun(staff_id=staff_id, origin=origin[:MAX_ORIGIN], evidence=evidence)
    session.add(run)
    session.flush()
    job = queue.start(session, CHECK, staff_id, import_id=run.id)
    run.check_job_id = job.id
    queue.keep_file(runtime, session, job.id, FILE, MEDIA_TYPE, text)
    session.flush()
    return run


def _decoded(content: bytes) -> str:
    if not content.strip():
        raise ImportProblem("file", "Choose a file that is not empty")
    if len(content) > MAX_BYTES:
        raise ImportProblem("file", "The file is larger than 20 MB: import it in parts")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportProblem("file", "The file is not UTF-8: save it as “CSV UTF-8”") from None


def store(session: Session, run_id: int, staff_id: int) -> Job | None:
    """Start to store a list whose rows are all right; None where that is not its state."""
    run = session.get(ImportRun, run_id, with_for_update=True, populate_existing=True)
    if run is None or state_of(session, run) is not ImportState.CHECKED:
        return None
    job = queue.start(session, STORE, staff_id, import_id=run_id)
    return _first(session, run_id, ImportRun.store_job_id, job)


def undo(session: Session, run_id: int, staff_id: int, now: datetime) -> Job | None:
    """Start to take back what was stored; None where nothing was, or it is too long ago."""
    run = session.get(ImportRun, run_id, with_for_update=True, populate_existing=True)
    if run is None or not can_undo(session, run, now):
        return None
    job = queue.start(session, UNDO, staff_id, import_id=run_id)
    return _first(session, run_id, ImportRun.undo_job_id, job)


def drop(session: Session, run_id: int, now: datetime) -> bool:
    """Drop a list that was not stored, and its file; False where it was, or nothing is left."""
    run = session.get(ImportRun, run_id, with_for_update=True, populate_existing=True)
    if run is None or run.store_job_id is not None or run.dropped_at is not None:
        return False
    run.dropped_at = now
    queue.cancel(session, run.check_job_id or 0, now)
    forget_file(session, run)
    return True


def can_undo(session: Session, run: ImportRun, now: datetime) -> bool:
    """Stored, whole or in part, not long ago, and not undone yet."""
    if run.store_job_id is None or run.undo_job_id is not None:
        return False
    job = session.get_one(Job, run.store_job_id, populate_existing=True)
    return job.state in STOPPED and job.created_at > now - UNDO_WITHIN


def job_of(session: Session, run: ImportRun) -> Job:
    """The job of the step that it is at."""
    number = run.undo_job_id or run.store_job_id or run.check_job_id
    return session.get_one(Job, number)


def state_of(session: Session, run: ImportRun) -> ImportState:
    """Where it is."""
    job = job_of(session, run)
    if run.dropped_at is not None:
        return ImportState.DROPPED
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return ImportState.STOPPED
    is_done = job.state == JobState.DONE
    if run.undo_job_id is not None:
        return ImportState.UNDONE if is_done else ImportState.UNDOING
    if run.store_job_id is not None:
        return ImportState.STORED if is_done else ImportState.STORING
    if not is_done:
        return ImportState.CHECKING
    return ImportState.REFUSED if run.report.get("wrong") else ImportState.CHECKED


def newest(before: int | None, limit: int) -> Select[Any]:
    """Runs, newest first, from before a number on."""
    query = select(ImportRun).order_by(ImportRun.id.desc()).limit(limit)
    return query if before is None else query.where(ImportRun.id < before)


def forget_file(session: Session, run: ImportRun) -> None:
    """The list goes; what it did stays known by numbers alone."""
    session.execute(delete(JobFile).where(JobFile.job_id == run.check_job_id))


def forget_old(session: Session, now: datetime) -> int:
    """For retention: drop lists that nobody stored, and what nobody can undo any more."""
    job = aliased(Job)
    old = (
        select(JobFile.job_id)
        .join(job, job.id == JobFile.job_id)
        .where(job.kind == CHECK, JobFile.created_at < now - KEPT_FOR)
    )
    is_waiting: ColumnElement[bool] = ImportRun.check_job_id.in_(old)
    waiting = update(ImportRun).where(is_waiting, ImportRun.store_job_id.is_(None))
    rows(session, waiting.values(dropped_at=now))
    done = rows(session, delete(JobFile).where(JobFile.job_id.in_(old)))
    over = (
        select(ImportRun.id)
        .join(job, job.id == ImportRun.store_job_id)
        .where(job.created_at < now - UNDO_WITHIN)
    )
    return done + rows(session, delete(ImportEntry).where(ImportEntry.import_id.in_(over)))


def _first(
    session: Session, run_id: int, column: InstrumentedAttribute[int | None], job: Job
) -> Job | None:
    mine = update(ImportRun).where(ImportRun.id == run_id, column.is_(None))
    if rows(session, mine.values({column: job.id})):
        return job
    session.delete(job)
    return None
