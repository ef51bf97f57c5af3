"""Imports of subscribers: a list is checked before anything is stored, and can be undone."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_security import current_user
from sqlalchemy.orm import Session

from service.admin import words
from service.admin.access import has_power, me, needs, record
from service.admin.csv_export import csv_response
from service.admin.powers import Power
from service.db import utcnow
from service.jobs import import_rules, queue
from service.jobs.import_rules import ImportProblem, ImportState
from service.models import ImportRun, Job
from service.pages import endpoint_without_language, page_url, row_number, runtime
from service.subscriptions.import_rows import COLUMNS
from service.subscriptions.office import reason_of

PAGE = 25
ROOM = 64 * 1024  # of the form beside the file
LETTER = "letter"
PROBLEMS = {
    "Say where the consent was given": _("Say where the consent was given"),
    "Say where the proof of the consents is kept, or choose confirmation mails": _(
        "Say where the proof of the consents is kept, or choose confirmation mails"
    ),
    "Choose a file that is not empty": _("Choose a file that is not empty"),
    "The file is larger than 20 MB: import it in parts": _(
        "The file is larger than 20 MB: import it in parts"
    ),
    "The file is not UTF-8: save it as “CSV UTF-8”": _(
        "The file is not UTF-8: save it as “CSV UTF-8”"
    ),
}


def blueprint() -> Blueprint:
    """List, upload, report, store, drop, undo."""
    part = Blueprint("imports", __name__, url_prefix="/staff/imports")

    @part.before_request
    def make_room() -> None:
        """A list is larger than a form: for this route alone, and for whoever may send one."""
        is_upload = endpoint_without_language() == "imports.add"
        if is_upload and current_user.is_authenticated and has_power(Power.PEOPLE):
            request.max_content_length = import_rules.MAX_BYTES + ROOM

    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.PEOPLE)
    def index() -> str:
        before = request.args.get("before", type=row_number)
        with runtime().db.read() as session:
            found = session.scalars(import_rules.newest(before, PAGE + 1)).all()
            rows = [(run, import_rules.state_of(session, run)) for run in found[:PAGE]]
        older = rows[-1][0].id if len(found) > PAGE else None
        return render_template(
            "staff/people_imports.html", rows=rows, before=before, older=older, words=words
        )

    @part.get("/new")
    @needs(Power.PEOPLE, fresh=True)
    def new() -> str:
        return _form({})

    @part.get("/<int:import_id>")
    @needs(Power.PEOPLE)
    def show(import_id: int) -> str:
        return _page(import_id)

    @part.get("/<int:import_id>/errors.csv")
    @needs(Power.PEOPLE)
    def errors(import_id: int) -> Response:
        with runtime().db.read() as session:
            run = _get(session, import_id)
        return csv_response("import-errors", ("line", "problem"), run.report.get("errors", []))


def _add_acts(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.PEOPLE, fresh=True)
    def add() -> ResponseReturnValue:
        return _add()

    @part.post("/<int:import_id>/store")
    @needs(Power.PEOPLE, fresh=True)
    def store(import_id: int) -> ResponseReturnValue:
        errors = _unconfirmed(import_id)
        if errors:
            return _page(import_id, errors), 422
        with runtime().db.write() as session:
            job = import_rules.store(session, import_id, current_user.id)
            if job is not None:
                record(session, "import.store", import_id)
        return _back(import_id, job)

    @part.post("/<int:import_id>/undo")
    @needs(Power.PEOPLE, fresh=True)
    def undo(import_id: int) -> ResponseReturnValue:
        errors = _unconfirmed(import_id)
        reason = reason_of(request.form.get("reason", ""))
        if not reason:
            errors["reason"] = gettext("Write a reason")
        if errors:
            return _page(import_id, errors), 422
        with runtime().db.write() as session:
            job = import_rules.undo(session, import_id, current_user.id, utcnow())
            if job is not None:
                record(session, "import.undo", import_id, reason=reason)
        return _back(import_id, job)

    @part.post("/<int:import_id>/drop")
    @needs(Power.PEOPLE)
    def drop(import_id: int) -> ResponseReturnValue:
        with runtime().db.write() as session:
            if import_rules.drop(session, import_id, utcnow()):
                record(session, "import.drop", import_id)
        return _back(import_id, None)


def _add() -> ResponseReturnValue:
    file, held = request.files.get("file"), runtime()
    content = file.stream.read(import_rules.MAX_BYTES + 1) if file else b""
    is_by_letter = request.form.get("consent") == LETTER
    try:
        with held.db.write() as session:
            run = import_rules.upload(
                held,
                session,
                content,
                me().staff_id,
                origin=request.form.get("origin", ""),
                evidence="" if is_by_letter else request.form.get("evidence", ""),
                is_by_letter=is_by_letter,
            )
            record(session, "import.check", run.id, origin=run.origin, by_letter=is_by_letter)
    except ImportProblem as problem:
        return _form({problem.field: str(PROBLEMS[problem.text])}), 422
    queue.ring(held, run.check_job_id or 0)
    return _back(run.id, None)


def _unconfirmed(import_id: int) -> dict[str, str]:
    """What is wrong with the typed confirmation: the number of rows that the page shows."""
    with runtime().db.read() as session:
        rows = _get(session, import_id).report.get("rows", 0)
    if request.form.get("rows", "").strip() == str(rows):
        return {}
    return {"rows": gettext("Type the number of rows, without dots")}


def _back(import_id: int, job: Job | None) -> Response:
    """To its page; a reload of it repeats nothing."""
    if job is not None:
        queue.ring(runtime(), job.id)
    return redirect(page_url("imports.show", import_id=import_id), 303)  # type: ignore[return-value]


def _form(errors: dict[str, str]) -> str:
    return render_template(
        "staff/people_import_new.html",
        errors=errors,
        columns=",".join(COLUMNS),
        answers=request.form,
        most=import_rules.MAX_BYTES // 1024 // 1024,
        letter=LETTER,
    )


def _page(import_id: int, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        run = _get(session, import_id)
        state, job = import_rules.state_of(session, run), import_rules.job_of(session, run)
        can_undo = import_rules.can_undo(session, run, utcnow())
    return render_template(
        "staff/people_import.html",
        run=run,
        state=state,
        job=job,
        job_url=_job_url(job),
        done=queue.progress(job),
        counts=(run.undone or run.result or run.report or job.result).get("counts", {}),
        can_undo=can_undo,
        can_store=state is ImportState.CHECKED,
        can_drop=run.store_job_id is None and run.dropped_at is None,
        errors=errors or {},
        words=words,
    )


def _job_url(job: Job) -> str:
    """Where the work itself is cancelled and resumed, if this service has that page."""
    known = "jobs.show" in current_app.view_functions
    return page_url("jobs.show", job_id=job.id) if known else ""


def _get(session: Session, import_id: int) -> ImportRun:
    return session.get(ImportRun, import_id) or abort(404)
