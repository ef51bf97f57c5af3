"""Jobs for programs: list, read, cancel, resume, take their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin import job_acts
from service.admin.api.documented import described
from service.admin.api.entering import my_powers, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.jobs import download
from service.admin.powers import Power
from service.db import utcnow
from service.jobs import queue
from service.models import Job
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_jobs", __name__, url_prefix="/v1/admin/jobs", tag="Jobs")


class JobOut(BaseModel):
    """Long work that somebody of the staff started."""

    id: int
    kind: str
    state: str
    started_by: int
    done: int
    total: int | None = Field(description="Null: nobody knows how much there is to do.")
    per_second: float | None
    seconds_left: int | None
    result: dict[str, Any] = Field(description="Of imports only with the power `people`.")
    error: str
    is_cancelling: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    files: list[str] = []


@api.get("")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List jobs", Page[JobOut]))
def list_jobs(page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        rows = queue.newest(session, before=before, limit=page.limit + 1)
    shown = rows[: page.limit]
    last = cursor(shown[-1].id) if len(rows) > page.limit else None
    items = [_shown(job) for job in shown]
    return Page[JobOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:job_id>")
@needs(Power.SEE)
@api.doc(**described("Read a job", JobOut, 404))
def show(job_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        return _body(session, job_id)


@api.post("/<int:job_id>/cancel")
@needs(Power.SEE)
@api.doc(**described("Cancel a job", JobOut, 404))
def cancel(job_id: int) -> dict[str, Any]:
    """It ends after the piece in hand; what is done stays done."""
    with runtime().db.write() as session:
        _handled(session, job_id)
        if queue.cancel(session, job_id, utcnow()):
            record(session, "job.cancel", job_id)
        return _body(session, job_id)


@api.post("/<int:job_id>/resume")
@needs(Power.SEE)
@api.doc(**described("Resume a job", JobOut, 404))
def resume(job_id: int) -> dict[str, Any]:
    """A failed or cancelled one goes on where it stopped."""
    with runtime().db.write() as session:
        _handled(session, job_id)
        if is_resumed := queue.resume(session, job_id, utcnow()):
            record(session, "job.resume", job_id)
        body = _body(session, job_id)
    if is_resumed:
        queue.ring(runtime(), job_id)
    return body


@api.get("/<int:job_id>/files/<name>")
@needs(Power.SEE)
@api.doc(summary="Take a file of a job", security="ApiKey")
def file(job_id: int, name: str) -> Response:
    """As it was made; that it was taken is noted."""
    held = runtime()
    with held.db.write() as session:
        _handled(session, job_id)
        text = queue.read_file(held, session, job_id, name)
        if text is None:
            raise Problem(404, "Not Found", "The job has no file of this name.")
        record(session, "job.download", job_id, file=name)
        files = {one.name: one.media_type for one in queue.files_of(session, job_id)}
    return download(name, files[name], text)


def _handled(session: Session, job_id: int) -> Job:
    job = _found(session, job_id)
    if not job_acts.may_handle(job, my_powers()):
        needed = job_acts.power_of(job.kind)
        raise Problem(403, "Forbidden", f"This kind of job asks for the power `{needed}`.")
    return job


def _found(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise Problem(404, "Not Found", f"There is no job {job_id}.")
    return job


def _body(session: Session, job_id: int) -> dict[str, Any]:
    shown = _shown(_found(session, job_id))
    shown.files = [one.name for one in queue.files_of(session, job_id)]
    return shown.model_dump(mode="json")


def _shown(job: Job) -> JobOut:
    pace, is_open = queue.pace(job, utcnow()), job_acts.may_see_result(job, my_powers())
    return JobOut(
        id=job.id,
        kind=job.kind,
        state=str(job.state),
        started_by=job.staff_id,
        done=job.done,
        total=job.total,
        per_second=pace.per_second,
        seconds_left=None if pace.left is None else int(pace.left.total_seconds()),
        result=job.result if is_open else {},
        error=job.error if is_open else "",
        is_cancelling=job.is_cancelling,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )
