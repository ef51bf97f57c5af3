"""Sources for programs: everything that the staff's pages do. A stored secret is never shown."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.source_shown import (
    ActivityOut,
    CredentialOut,
    NewSource,
    PullOut,
    SourceIn,
    SourceOut,
    activity_shown,
    pull_shown,
    refused,
    shown,
    version_of,
)
from service.admin.api.versions import require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ingest.managing import pulls, sources
from service.ingest.managing.fields import SourceError
from service.ingest.managing.pulls import PullAct
from service.ingest.routes import presets
from service.models import Pull, Source
from service.pages import runtime
from service.problems import Problem
from service.tasks import Task

api = APIBlueprint("admin_sources", __name__, url_prefix="/v1/admin/sources", tag="Sources")


class RotateIn(BaseModel):
    """`secret`: what the CMS made; null: a new one, which the answer shows once."""

    model_config = ConfigDict(extra="forbid")

    secret: str | None = Field(None, max_length=1000)


class PullIn(BaseModel):
    """Where to look. `rules`: keys of `config/pull/default.toml`, as TOML."""

    model_config = ConfigDict(extra="forbid")

    kind: str | None = Field(None, max_length=32)
    url: str | None = Field(None, max_length=500)
    rules: str | None = Field(None, max_length=20_000)


class PullActIn(BaseModel):
    """What a pull that is set is told."""

    act: PullAct


@api.get("")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List sources", Page[SourceOut]))
def list_sources(page: PageQuery) -> dict[str, Any]:
    """Oldest first."""
    (after,) = key_of(page.after, int) or (0,)
    query = select(Source).where(Source.id > after).order_by(Source.id).limit(page.limit + 1)
    with runtime().db.read() as session:
        found = session.scalars(query).all()
    items = [shown(row) for row in found[: page.limit]]
    last = cursor(items[-1].id) if len(found) > page.limit else None
    return Page[SourceOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:source_id>")
@needs(Power.SEE)
@api.doc(**described("Read a source", SourceOut, 404, *VERSIONED))
def show(source_id: int) -> Response:
    with runtime().db.read() as session:
        return _answer(found(session, source_id))


@api.get("/<int:source_id>/activity")
@needs(Power.SEE)
@api.doc(**described("Read what came of a source", ActivityOut, 404))
def read_activity(source_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        found(session, source_id)
        return activity_shown(session, source_id, utcnow()).model_dump(mode="json")


@api.post("")
@needs(Power.SOURCES)
@api.input(NewSource, arg_name="wanted")
@api.doc(**described("Add a source", CredentialOut, status=201))
def add(wanted: NewSource) -> tuple[dict[str, Any], int]:
    """The answer shows a new secret once."""
    held = runtime()
    try:
        with held.db.write() as session:
            made = sources.add(session, held.vault, presets(), me(), **wanted.model_dump())
            return _once(made), 201
    except SourceError as error:
        raise refused(error) from None


@api.patch("/<int:source_id>")
@needs(Power.SOURCES)
@api.input(SourceIn, arg_name="wanted")
@api.doc(**described("Change a source", SourceOut, 404, 412, 428))
def change(source_id: int, wanted: SourceIn) -> Response:
    """An empty `api_token` takes the stored one away."""
    held, given = runtime(), wanted.model_dump(exclude_none=True)
    try:
        with held.db.write() as session:
            row = locked(session, source_id)
            require_match(version_of(row))
            sources.change(session, held.vault, me(), row, **given)
            return _answer(row)
    except SourceError as error:
        raise refused(error) from None


@api.post("/<int:source_id>/rotate")
@needs(Power.SOURCES)
@api.input(RotateIn, arg_name="wanted")
@api.doc(**described("Give a source a new secret", CredentialOut, 404, 412, 428))
def rotate(source_id: int, wanted: RotateIn) -> dict[str, Any]:
    """The one before is taken for seven more days."""
    held = runtime()
    try:
        with held.db.write() as session:
            row = locked(session, source_id)
            require_match(version_of(row))
            made = sources.rotate(session, held.vault, me(), row, utcnow(), wanted.secret)
            return _once(made)
    except SourceError as error:
        raise refused(error) from None


@api.put("/<int:source_id>/pull")
@needs(Power.SOURCES)
@api.input(PullIn, arg_name="wanted")
@api.doc(**described("Say where a source's listing is", PullOut, 404))
def set_pull(source_id: int, wanted: PullIn) -> dict[str, Any]:
    """What is there at first is the archive: nobody is told of it."""
    held = runtime()
    try:
        with held.db.write() as session:
            row = locked(session, source_id)
            pulls.configure(
                *(session, held.vault, held.settings, me(), row, utcnow()),
                kind=wanted.kind,
                url=wanted.url,
                rules=wanted.rules,
            )
            session.flush()
            body = pull_shown(session.get_one(Pull, source_id)).model_dump(mode="json")
    except SourceError as error:
        raise refused(error) from None
    held.doorbell.ring(Task.PULL_SOURCE, source_id)
    return body


@api.post("/<int:source_id>/pull")
@needs(Power.SOURCES)
@api.input(PullActIn, arg_name="wanted")
@api.doc(**described("Poll now, pause, resume, or decide about a pull", PullOut, 404))
def act_on_pull(source_id: int, wanted: PullActIn) -> dict[str, Any]:
    """`news` and `archive` decide about what was too much at once."""
    held = runtime()
    try:
        with held.db.write() as session:
            row = locked(session, source_id)
            pulls.act(session, held.vault, me(), row, wanted.act, utcnow())
            body = pull_shown(session.get_one(Pull, source_id)).model_dump(mode="json")
    except SourceError as error:
        raise refused(error) from None
    if wanted.act != PullAct.PAUSE:
        held.doorbell.ring(Task.PULL_SOURCE, source_id)
    return body


def found(session: Session, source_id: int) -> Source:
    """Raises Problem where there is none."""
    row = session.get(Source, source_id)
    if row is None:
        raise Problem(404, "Not Found", f"There is no source {source_id}.")
    return row


def locked(session: Session, source_id: int) -> Source:
    """The same, which nobody else changes before the commit."""
    row = sources.locked(session, source_id)
    if row is None:
        raise Problem(404, "Not Found", f"There is no source {source_id}.")
    return row


def _once(made: sources.Credential) -> dict[str, Any]:
    secret = None if made.is_given else made.secret
    return CredentialOut(source=shown(made.source), secret=secret).model_dump(mode="json")


def _answer(row: Source) -> Response:
    return with_etag(jsonify(shown(row).model_dump(mode="json")), version_of(row))
