"""The inbox of a source for programs: events, one body, the dry run, and the replay."""

from __future__ import annotations

from typing import Any

from flask import request
from pydantic import BaseModel, ConfigDict, Field

from service.admin.api.documented import described
from service.admin.api.entering import me, needs
from service.admin.api.paging import MOST, Page, cursor, key_of, next_page
from service.admin.api.source_shown import EventOut, event_shown, refused
from service.admin.api.sources import api, found, locked
from service.admin.powers import Power
from service.db import utcnow
from service.ingest.managing import events, replay
from service.ingest.managing.dry_run import MAX_REQUEST, dry_run
from service.ingest.managing.fields import SourceError
from service.ingest.routes import presets
from service.jobs import queue
from service.models import Verdict
from service.pages import runtime
from service.problems import Problem

__all__ = ["api"]


class EventQuery(BaseModel):
    """Which events, newest first."""

    after: str | None = Field(None, description="The `next` of the page before.", max_length=500)
    limit: int = Field(25, ge=1, le=MOST)
    verdict: Verdict | None = None


class BodyOut(BaseModel):
    """What the CMS sent."""

    id: int
    body: str


class TryIn(BaseModel):
    """An event as the CMS would send it; headers by name."""

    model_config = ConfigDict(extra="forbid")

    body: str
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)


class TryOut(BaseModel):
    """What would become of it; nothing was stored."""

    verdict: str
    reason: str
    errors: list[dict[str, Any]] = Field(default_factory=list)
    articles: list[dict[str, Any]]


class JobOut(BaseModel):
    """The job that does it."""

    job_id: int


@api.before_request
def allow_whole_events() -> None:
    """Only the dry run takes more than a form does: as much as the door."""
    if request.endpoint == "admin_sources.try_event":
        request.max_content_length = MAX_REQUEST


@api.get("/<int:source_id>/events")
@needs(Power.SEE)
@api.input(EventQuery, location="query", arg_name="page")
@api.doc(**described("List the events of a source", Page[EventOut], 404))
def list_events(source_id: int, page: EventQuery) -> dict[str, Any]:
    """Newest first, with the answer that each got."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        found(session, source_id)
        rows = events.newest_events(
            session, source_id, verdict=page.verdict, before=before, limit=page.limit + 1
        )
    items = [event_shown(row) for row in rows[: page.limit]]
    last = cursor(items[-1].id) if len(rows) > page.limit else None
    return Page[EventOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:source_id>/events/<int:event_id>")
@needs(Power.SEE)
@api.doc(**described("Read an event", EventOut, 404))
def show_event(source_id: int, event_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        row = events.event_of(session, source_id, event_id)
        if row is None:
            raise _missing(event_id)
        return event_shown(row).model_dump(mode="json")


@api.post("/<int:source_id>/events/<int:event_id>/open")
@needs(Power.SOURCES)
@api.doc(**described("Open the body of an event", BodyOut, 404))
def open_event(source_id: int, event_id: int) -> dict[str, Any]:
    """It is noted who opened it."""
    with runtime().db.write() as session:
        row = events.event_of(session, source_id, event_id)
        body = None if row is None else events.opened(session, runtime().vault, me(), row)
    if body is None:
        raise _missing(event_id)
    return BodyOut(id=event_id, body=body).model_dump(mode="json")


@api.post("/<int:source_id>/try")
@needs(Power.SOURCES)
@api.input(TryIn, arg_name="wanted")
@api.doc(**described("Try an event", TryOut, 404, 413))
def try_event(source_id: int, wanted: TryIn) -> dict[str, Any]:
    """Its mapping, errors, transition, topics with evidence, and how many would be told."""
    with runtime().db.read() as session:
        source = found(session, source_id)
    try:
        said = dry_run(runtime(), presets(), source, wanted.headers, wanted.body, utcnow())
    except SourceError as error:
        raise refused(error) from None
    return TryOut(**said).model_dump(mode="json")


@api.post("/<int:source_id>/replay")
@needs(Power.SOURCES)
@api.doc(**described("Read the failed events again", JobOut, 404, status=202))
def start_replay(source_id: int) -> tuple[dict[str, Any], int]:
    """A job does it, the oldest first."""
    try:
        with runtime().db.write() as session:
            row = locked(session, source_id)
            job = replay.start(session, runtime().vault, me(), row)
            job_id = job.id
    except SourceError as error:
        raise refused(error) from None
    queue.ring(runtime(), job_id)
    return JobOut(job_id=job_id).model_dump(mode="json"), 202


def _missing(event_id: int) -> Problem:
    return Problem(404, "Not Found", f"There is no event {event_id} here, or no body any more.")
