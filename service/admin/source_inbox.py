"""The inbox of a source as staff see it: newest events, one of them, dry run, replay."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from service.admin import source_words
from service.admin.access import me, needs
from service.admin.powers import Power
from service.admin.source_forms import Errors, said
from service.db import utcnow
from service.ingest.context import is_fit
from service.ingest.managing import events, replay, sources
from service.ingest.managing.dry_run import MAX_REQUEST, dry_run, headers_of
from service.ingest.managing.fields import SourceError
from service.ingest.routes import presets
from service.jobs import queue
from service.models import Source, Verdict
from service.pages import endpoint_without_language, page_url, row_number, runtime

PAGE_SIZE = 25


def allow_whole_events(part: Blueprint) -> None:
    """Only the dry run takes more than a form does: as much as the door. Call it before the forms
    are protected, which reads them."""

    @part.before_request
    def allow() -> None:
        if endpoint_without_language() == "sources.try_":
            request.max_content_length = request.max_form_memory_size = MAX_REQUEST


def add_to(part: Blueprint) -> None:
    """Everybody may see headers and answers; a body is opened by few, and recorded."""
    _add_events(part)

    @part.get("/<int:source_id>/try")
    @needs(Power.SOURCES)
    def ask_try(source_id: int) -> str:
        return _try_page(source_id, "", "", None, {})

    @part.post("/<int:source_id>/try")
    @needs(Power.SOURCES)
    def try_(source_id: int) -> ResponseReturnValue:
        body, headers = request.form.get("body", ""), request.form.get("headers", "")
        with runtime().db.read() as session:
            row = session.get(Source, source_id) or abort(404)
        try:
            found = dry_run(runtime(), presets(), row, headers_of(headers), body, utcnow())
        except SourceError as error:
            return _try_page(source_id, body, headers, None, said(error)), 422
        return _try_page(source_id, body, headers, found, {})

    @part.post("/<int:source_id>/replay")
    @needs(Power.SOURCES)
    def start_replay(source_id: int) -> ResponseReturnValue:
        try:
            with runtime().db.write() as session:
                row = sources.locked(session, source_id) or abort(404)
                job_id = replay.start(session, runtime().vault, me(), row).id
        except SourceError as error:
            return _events_page(source_id, said(error)), 422
        queue.ring(runtime(), job_id)
        if "jobs.show" in current_app.view_functions:
            return redirect(page_url("jobs.show", job_id=job_id), 303)
        return redirect(page_url("sources.list_events", source_id=source_id), 303)


def _add_events(part: Blueprint) -> None:
    @part.get("/<int:source_id>/events")
    @needs(Power.SEE)
    def list_events(source_id: int) -> str:
        return _events_page(source_id, {})

    @part.get("/<int:source_id>/events/<int:event_id>")
    @needs(Power.SEE)
    def show_event(source_id: int, event_id: int) -> str:
        return _event_page(source_id, event_id, None)

    @part.post("/<int:source_id>/events/<int:event_id>/open")
    @needs(Power.SOURCES)
    def open_event(source_id: int, event_id: int) -> str:
        with runtime().db.write() as session:
            row = events.event_of(session, source_id, event_id) or abort(404)
            body = events.opened(session, runtime().vault, me(), row)
        return _event_page(source_id, event_id, body)


def _events_page(source_id: int, errors: Errors) -> str:
    given = request.args.get("verdict", "")
    verdict = Verdict(given) if given in set(Verdict) else None
    before = request.args.get("before", type=row_number)
    with runtime().db.read() as session:
        source = session.get(Source, source_id) or abort(404)
        rows = events.newest_events(
            session, source_id, verdict=verdict, before=_key(before), limit=PAGE_SIZE + 1
        )
        return render_template(
            "staff/source_events.html",
            source=source,
            rows=rows[:PAGE_SIZE],
            older=rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None,
            before=before,
            verdict=verdict or "",
            errors=errors,
            words=source_words,
        )


def _event_page(source_id: int, event_id: int, body: str | None) -> str:
    with runtime().db.read() as session:
        row = events.event_of(session, source_id, event_id) or abort(404)
        return render_template(
            "staff/source_event.html",
            source=session.get_one(Source, source_id),
            event=row,
            body=body,
            words=source_words,
        )


def _try_page(
    source_id: int, body: str, headers: str, found: dict[str, Any] | None, errors: Errors
) -> str:
    with runtime().db.read() as session:
        return render_template(
            "staff/source_try.html",
            source=session.get(Source, source_id) or abort(404),
            body=body,
            headers="\n".join(line for line in headers.splitlines() if _may_show(line)),
            found=found,
            articles=[_pretty(one["article"]) for one in (found or {}).get("articles", [])],
            errors=errors,
            words=source_words,
        )


def _may_show(line: str) -> bool:
    """Whether a header that was pasted is shown again: none that proves somebody."""
    return is_fit(line.partition(":")[0].strip().lower())


def _pretty(article: Any) -> str:
    return orjson.dumps(article, option=orjson.OPT_INDENT_2).decode()


def _key(number: int | None) -> int | None:
    """A number that a row can have."""
    return number if number is not None and 0 < number < 2**63 else None
