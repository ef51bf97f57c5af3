"""Templates of letters for programs: read, check, publish, roll back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.messages import publishing
from service.messages.publishing import MAX_REASON, PublishError
from service.messages.stationery import MAX_BYTES
from service.models import TemplateVersion
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint(
    "admin_mail_templates", __name__, url_prefix="/v1/admin/mail-templates", tag="Letters"
)


class TemplateOut(BaseModel):
    """A file that letters are made of, as it is in use."""

    name: str
    version: int = Field(description="Of the newest published version; 0 where there is none.")
    is_published: bool = Field(description="False: the file of the installation is in use.")
    text: str


class TemplatesOut(BaseModel):
    """All files, without their texts."""

    items: list[dict[str, Any]]


class VersionOut(BaseModel):
    """What was published once."""

    version: int
    text: str | None = Field(description="Null: back to the file of the installation.")
    reason: str
    published_at: datetime
    published_by: int


class CheckIn(BaseModel):
    """A text to try."""

    text: str = Field(min_length=1, max_length=MAX_BYTES)


class CheckOut(BaseModel):
    """What is wrong with it; nothing: it can be published."""

    problems: list[str]


class PublishIn(CheckIn):
    """A text to put into use."""

    reason: str = Field(min_length=1, max_length=MAX_REASON)


class RestoreIn(BaseModel):
    """A version to put into use again."""

    version: int | None = Field(ge=1, lt=2**31, description="Null: the installation's own file.")
    reason: str = Field(min_length=1, max_length=MAX_REASON)


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List templates", TemplatesOut))
def list_templates() -> dict[str, Any]:
    with runtime().db.read() as session:
        current = publishing.current_versions(session)
        names = publishing.paper_in_use(session, runtime().settings).names
    items = [
        {
            "name": name,
            "version": current[name].version if name in current else 0,
            "is_published": name in current and current[name].text is not None,
        }
        for name in names
    ]
    return {"items": items}


@api.get("/<name>")
@needs(Power.SEE)
@api.doc(**described("Read a template", TemplateOut, 404, *VERSIONED))
def show(name: str) -> Response:
    with runtime().db.read() as session:
        body = _found(session, name).model_dump()
    return with_etag(jsonify(body), etag_of(body))


@api.get("/<name>/versions")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List the versions of a template", Page[VersionOut], 404))
def versions(name: str, page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        _found(session, name)
        rows = publishing.versions_of(session, name, before, page.limit + 1)
    shown = rows[: page.limit]
    last = cursor(shown[-1].version) if len(rows) > page.limit else None
    items = [_shown(row) for row in shown]
    return Page[VersionOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.post("/<name>/check")
@needs(Power.SEE)
@api.input(CheckIn, arg_name="wanted")
@api.doc(**described("Try a text", CheckOut, 404))
def check(name: str, wanted: CheckIn) -> dict[str, Any]:
    """Letters of every kind are written with it, in both languages; nothing is stored."""
    held = runtime()
    with held.db.read() as session:
        _found(session, name)
        text = publishing.tidy(wanted.text)
        found = publishing.check(session, held.settings, held.vault, name, text)
    return {"problems": found}


@api.post("/<name>/publish")
@needs(Power.TEXTS)
@api.input(PublishIn, arg_name="wanted")
@api.doc(**described("Publish a text", VersionOut, 404, 409, 412, 428))
def publish(name: str, wanted: PublishIn) -> dict[str, Any]:
    """Letters are written by it within seconds."""
    with runtime().db.write() as session:
        require_match(etag_of(_found(session, name).model_dump()))
        return _published(session, name, wanted.text, wanted.reason)


@api.post("/<name>/restore")
@needs(Power.TEXTS)
@api.input(RestoreIn, arg_name="wanted")
@api.doc(**described("Roll back to a version", VersionOut, 404, 409, 412, 428))
def restore(name: str, wanted: RestoreIn) -> dict[str, Any]:
    """Its text becomes the newest version."""
    with runtime().db.write() as session:
        require_match(etag_of(_found(session, name).model_dump()))
        text = None
        if wanted.version is not None:
            row = publishing.one_version(session, name, wanted.version)
            if row is None:
                raise Problem(404, "Not Found", f"{name} has no version {wanted.version}.")
            text = row.text
        return _published(session, name, text, wanted.reason)


def _published(session: Session, name: str, text: str | None, reason: str) -> dict[str, Any]:
    held = runtime()
    try:
        made = publishing.publish(
            session,
            held.settings,
            held.vault,
            name,
            text,
            base=None,  # `If-Match` says which version was seen
            reason=reason,
            staff_id=me().staff_id,
            now=utcnow(),
        )
    except PublishError as error:
        raise Problem(409, "Conflict", str(error)) from error
    record(session, "template.publish", made.id, **publishing.told(made))
    return _shown(made).model_dump(mode="json")


def _found(session: Session, name: str) -> TemplateOut:
    paper = publishing.paper_in_use(session, runtime().settings)
    if name not in paper.names:
        raise Problem(404, "Not Found", "No letter has a file of this name.")
    return TemplateOut(
        name=name,
        version=publishing.newest_number(session, name),
        is_published=name in dict(publishing.in_use(session).texts),
        text=paper.source(name),
    )


def _shown(row: TemplateVersion) -> VersionOut:
    return VersionOut(
        version=row.version,
        text=row.text,
        reason=row.reason,
        published_at=row.published_at,
        published_by=row.published_by,
    )
