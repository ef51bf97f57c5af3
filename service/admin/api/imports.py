"""Imports for programs: check a list, read the report, store it, undo it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin.api.documented import described
from service.admin.api.entering import me, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.powers import Power
from service.db import utcnow
from service.jobs import import_rules, queue
from service.jobs.import_rules import ImportProblem
from service.models import ImportRun, Job
from service.pages import runtime
from service.problems import Problem
from service.subscriptions.office import reason_of

api = APIBlueprint("admin_imports", __name__, url_prefix="/v1/admin/imports", tag="People")

STATE = "This import is in no state for it; read it again."


class ImportIn(BaseModel):
    """A list. Either `evidence` says where the proof is kept, or everybody is asked by mail."""

    csv: str = Field(description="With its header: address,topics,places,frequency,language")
    origin: str = Field(min_length=1, max_length=200, description="Where the consent was given.")
    evidence: str = Field("", max_length=200, description="Where its proof is kept.")
    by_letter: bool = Field(False, description="There is no proof: send confirmation mails.")


class ImportOut(BaseModel):
    """An import, where it is, and what it did; no address anywhere."""

    id: int
    state: str
    origin: str
    evidence: str
    created_at: datetime
    job_id: int
    done: int
    total: int | None
    report: dict[str, Any] = Field(description="What the check found; `errors` by line.")
    result: dict[str, Any]
    undone: dict[str, Any]


class UndoIn(BaseModel):
    """Why it is undone."""

    reason: str = Field(min_length=1, max_length=200)


@api.before_request
def make_room() -> None:
    """A list is larger than other bodies; it is read once the key is known."""
    if request.endpoint == "admin_imports.add":
        request.max_content_length = 2 * import_rules.MAX_BYTES  # JSON escapes some letters


@api.get("")
@needs(Power.PEOPLE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List imports", Page[ImportOut]))
def list_imports(page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        found = session.scalars(import_rules.newest(before, page.limit + 1)).all()
        items = [_shown(session, run) for run in found[: page.limit]]
    last = cursor(items[-1].id) if len(found) > page.limit else None
    return Page[ImportOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:import_id>")
@needs(Power.PEOPLE)
@api.doc(**described("Read an import", ImportOut, 404))
def show(import_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        return _shown(session, _get(session, import_id)).model_dump(mode="json")


@api.post("")
@needs(Power.PEOPLE)
@api.input(ImportIn, arg_name="wanted")
@api.doc(**described("Check a list", ImportOut, 413))
def add(wanted: ImportIn) -> dict[str, Any]:
    """Nothing is stored before the check has ended well and somebody stores it."""
    held = runtime()
    try:
        with held.db.write() as session:
            run = import_rules.upload(
                held,
                session,
                wanted.csv.encode(errors="replace"),
                me().staff_id,
                origin=wanted.origin,
                evidence=wanted.evidence,
                is_by_letter=wanted.by_letter,
            )
            record(session, "import.check", run.id, origin=run.origin, by_letter=wanted.by_letter)
            shown = _shown(session, run)
    except ImportProblem as problem:
        errors = [{"field": problem.field, "message": problem.text}]
        raise Problem(422, "Unprocessable Entity", f"{problem}.", errors=errors) from problem
    queue.ring(held, shown.job_id)
    return shown.model_dump(mode="json")


@api.post("/<int:import_id>/store")
@needs(Power.PEOPLE)
@api.doc(**described("Store a checked list", ImportOut, 404, 409))
def store(import_id: int) -> dict[str, Any]:
    with runtime().db.write() as session:
        _get(session, import_id)
        job = import_rules.store(session, import_id, me().staff_id)
        if job is not None:
            record(session, "import.store", import_id)
        return _started(session, import_id, job)


@api.post("/<int:import_id>/undo")
@needs(Power.PEOPLE)
@api.input(UndoIn, arg_name="wanted")
@api.doc(**described("Undo an import", ImportOut, 404, 409))
def undo(import_id: int, wanted: UndoIn) -> dict[str, Any]:
    """What it added and nobody has changed since ends; who came only by it is erased."""
    with runtime().db.write() as session:
        _get(session, import_id)
        job = import_rules.undo(session, import_id, me().staff_id, utcnow())
        if job is not None:
            record(session, "import.undo", import_id, reason=reason_of(wanted.reason))
        return _started(session, import_id, job)


@api.post("/<int:import_id>/drop")
@needs(Power.PEOPLE)
@api.doc(**described("Drop a list that was not stored", ImportOut, 404, 409))
def drop(import_id: int) -> dict[str, Any]:
    with runtime().db.write() as session:
        run = _get(session, import_id)
        if not import_rules.drop(session, import_id, utcnow()):
            raise Problem(409, "Conflict", STATE)
        record(session, "import.drop", import_id)
        return _shown(session, run).model_dump(mode="json")


def _started(session: Session, import_id: int, job: Job | None) -> dict[str, Any]:
    """The sweeper rings for it within seconds of the commit."""
    if job is None:
        raise Problem(409, "Conflict", STATE)
    session.flush()
    run = session.get_one(ImportRun, import_id, populate_existing=True)
    return _shown(session, run).model_dump(mode="json")


def _get(session: Session, import_id: int) -> ImportRun:
    run = session.get(ImportRun, import_id)
    if run is None:
        raise Problem(404, "Not Found", f"There is no import {import_id}.")
    return run


def _shown(session: Session, run: ImportRun) -> ImportOut:
    job = import_rules.job_of(session, run)
    return ImportOut(
        id=run.id,
        state=import_rules.state_of(session, run),
        origin=run.origin,
        evidence=run.evidence,
        created_at=run.created_at,
        job_id=job.id,
        done=job.done,
        total=job.total,
        report=run.report,
        result=run.result,
        undone=run.undone,
    )
