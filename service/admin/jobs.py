"""Jobs: long work that staff started, with its progress, its result and its files."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask_babel import format_timedelta
from flask_security import current_user
from sqlalchemy.orm import Session

from service.admin import job_acts, words
from service.admin.access import me, needs, record
from service.admin.powers import Power, powers_of
from service.admin.staff_names import names_of
from service.db import utcnow
from service.jobs import queue
from service.models import Job, JobState
from service.pages import page_url, row_number, runtime

ROWS = 30  # of a page
REFRESH_S = "5"
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def blueprint() -> Blueprint:
    """Everybody on the staff may look; who has the power of a job's kind may act."""
    part = Blueprint("jobs", __name__, url_prefix="/staff/jobs")
    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> Response:
        mine = request.args.get("mine") == "1"
        with runtime().db.read() as session:
            rows = queue.newest(
                session,
                before=request.args.get("before", type=row_number),
                staff_id=me().staff_id if mine else None,
                limit=ROWS + 1,
            )
            staff = names_of(session, (row.staff_id for row in rows))
        shown = rows[:ROWS]
        page = render_template(
            "staff/jobs.html",
            rows=shown,
            staff=staff,
            mine=mine,
            older=shown[-1].id if len(rows) > ROWS else None,
            progress=queue.progress,
            title=job_acts.title,
            words=words.JOB,
        )
        return _live(page, any(row.state not in ENDED for row in shown))

    @part.get("/<int:job_id>")
    @needs(Power.SEE)
    def show(job_id: int) -> Response:
        with runtime().db.read() as session:
            job = _found(session, job_id)
            staff = names_of(session, (job.staff_id,))
            files = queue.files_of(session, job_id)
        pace = queue.pace(job, utcnow())
        page = render_template(
            "staff/job.html",
            job=job,
            files=files,
            staff=staff,
            title=job_acts.title,
            words=words.JOB,
            progress=queue.progress(job),
            is_lost=queue.is_lost(job),
            is_ended=job.state in ENDED,
            pace=pace,
            left=format_timedelta(pace.left or timedelta(), granularity="second"),
            may_handle=_may_handle(job),
            may_see_result=job_acts.may_see_result(job, _powers()),
        )
        return _live(page, job.state not in ENDED)

    @part.get("/<int:job_id>/file")
    @needs(Power.SEE)
    def file(job_id: int) -> Response:
        name, held = request.args.get("name", "")[:64], runtime()
        with held.db.write() as session:
            job = _handled(session, job_id)
            text = queue.read_file(held, session, job.id, name)
            if text is None:
                abort(404)
            record(session, "job.download", job_id, file=name)
            media_type = next(
                one.media_type for one in queue.files_of(session, job_id) if one.name == name
            )
        return download(name, media_type, text)


def _add_acts(part: Blueprint) -> None:
    @part.post("/<int:job_id>/cancel")
    @needs(Power.SEE)
    def cancel(job_id: int) -> Response:
        with runtime().db.write() as session:
            _handled(session, job_id)
            if queue.cancel(session, job_id, utcnow()):
                record(session, "job.cancel", job_id)
        return _back_to(job_id)

    @part.post("/<int:job_id>/resume")
    @needs(Power.SEE)
    def resume(job_id: int) -> Response:
        with runtime().db.write() as session:
            _handled(session, job_id)
            if is_resumed := queue.resume(session, job_id, utcnow()):
                record(session, "job.resume", job_id)
        if is_resumed:
            queue.ring(runtime(), job_id)
        return _back_to(job_id)


def download(name: str, media_type: str, text: str) -> Response:
    """A file that a browser keeps and never shows."""
    response = Response(text, mimetype=media_type)
    plain = "".join(one if one.isascii() and one.isprintable() else "_" for one in name)
    plain = plain.replace('"', "_").replace("\\", "_")
    response.headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    return response


def _live(page: str, is_moving: bool) -> Response:
    """The page; once somebody asked for it, it comes anew while there is something to see."""
    response = make_response(page)
    if is_moving and request.args.get("live") == "1":
        response.headers["Refresh"] = REFRESH_S
    return response


def _may_handle(job: Job) -> bool:
    return job_acts.may_handle(job, _powers())


def _powers() -> frozenset[Power]:
    return powers_of([role.name for role in current_user.roles])


def _found(session: Session, job_id: int) -> Job:
    return session.get(Job, job_id) or abort(404)


def _handled(session: Session, job_id: int) -> Job:
    job = _found(session, job_id)
    return job if _may_handle(job) else abort(403)


def _back_to(job_id: int) -> Response:
    return redirect(page_url("jobs.show", job_id=job_id), 303)  # type: ignore[return-value]
