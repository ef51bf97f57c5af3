"""Letters: the templates in use, drafts that are checked and looked at, versions, the way back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import letter_preview
from service.admin.access import has_power, me, needs, record
from service.admin.powers import Power
from service.admin.staff_names import names_of
from service.db import utcnow
from service.messages import publishing
from service.messages.publishing import PublishError
from service.messages.stationery import MAX_BYTES
from service.models import TemplateDraft, TemplateVersion
from service.pages import page_url, row_number, runtime

VERSIONS = 20  # of one page


def blueprint() -> Blueprint:
    """Everybody on the staff may look; who has the power of texts may publish."""
    part = Blueprint("mail_templates", __name__, url_prefix="/staff/letters")
    _add_views(part)
    _add_drafts(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        held = runtime()
        with held.db.read() as session:
            paper = publishing.paper_in_use(session, held.settings)
            current = publishing.current_versions(session)
            staff = names_of(session, (row.published_by for row in current.values()))
        return render_template(
            "staff/mail_templates.html",
            names=paper.names,
            current=current,
            replaced=paper.replaced,
            staff=staff,
        )

    @part.get("/file")
    @needs(Power.SEE)
    def show() -> str:
        return _file_page(_name())

    @part.get("/versions/<int:version_id>")
    @needs(Power.SEE)
    def version(version_id: int) -> str:
        return _version_page(version_id)


def _add_drafts(part: Blueprint) -> None:
    @part.post("/draft")
    @needs(Power.TEXTS)
    def save() -> ResponseReturnValue:
        name, text = _name(), request.form.get("text", "")
        try:
            if not text.strip():
                raise PublishError(gettext("Write the template"))
            with runtime().db.write() as session:
                draft = publishing.keep_draft(session, name, me().staff_id, text, utcnow())
                record(session, "template.draft", draft.id, name=name)
        except PublishError as error:
            return _file_page(name, text, {"text": str(error)}), 422
        return _to("mail_templates.draft", draft_id=draft.id)

    @part.get("/draft/<int:draft_id>")
    @needs(Power.SEE)
    def draft(draft_id: int) -> str:
        return _draft_page(draft_id)

    @part.get("/draft/<int:draft_id>/html")
    @needs(Power.SEE)
    def html(draft_id: int) -> Response:
        with runtime().db.read() as session:
            row = _draft(session, draft_id)
            look = letter_preview.Look.of_request()
            shown = letter_preview.written(session, runtime(), row.name, row.text, look)
        response = make_response(letter_preview.in_scheme(shown.html, look.scheme))
        response.headers["Content-Security-Policy"] = letter_preview.SANDBOX
        return response

    @part.post("/draft/<int:draft_id>/discard")
    @needs(Power.TEXTS)
    def discard(draft_id: int) -> Response:
        with runtime().db.write() as session:
            row = _draft(session, draft_id)
            if row.staff_id != me().staff_id:
                abort(403)
            publishing.drop_draft(session, row.name, row.staff_id)
            record(session, "template.discard", draft_id, name=row.name)
        return _to("mail_templates.show", name=row.name)


def _add_acts(part: Blueprint) -> None:
    @part.post("/draft/<int:draft_id>/publish")
    @needs(Power.TEXTS)
    def publish(draft_id: int) -> ResponseReturnValue:
        try:
            with runtime().db.write() as session:
                row = _draft(session, draft_id)
                _publish(session, row.name, row.text, row.base)
        except PublishError as error:
            return _draft_page(draft_id, {"reason": str(error)}), 422
        return _to("mail_templates.show", name=row.name)

    @part.post("/versions/<int:version_id>/restore")
    @needs(Power.TEXTS)
    def restore(version_id: int) -> ResponseReturnValue:
        try:
            with runtime().db.write() as session:
                row = session.get(TemplateVersion, version_id) or abort(404)
                _publish(session, row.name, row.text, None)
        except PublishError as error:
            return _version_page(version_id, {"reason": str(error)}), 422
        return _to("mail_templates.show", name=row.name)

    @part.post("/reset")
    @needs(Power.TEXTS)
    def reset() -> ResponseReturnValue:
        name = _name()
        try:
            with runtime().db.write() as session:
                _publish(session, name, None, None)
        except PublishError as error:
            return _file_page(name, None, {"reason": str(error)}), 422
        return _to("mail_templates.show", name=name)


def _publish(session: Session, name: str, text: str | None, base: int | None) -> None:
    held, reason = runtime(), request.form.get("reason", "")
    made = publishing.publish(
        session,
        held.settings,
        held.vault,
        name,
        text,
        base=base,
        reason=reason,
        staff_id=me().staff_id,
        now=utcnow(),
    )
    record(session, "template.publish", made.id, **publishing.told(made))


def _file_page(name: str, text: str | None = None, errors: dict[str, str] | None = None) -> str:
    held = runtime()
    with held.db.read() as session:
        paper = publishing.paper_in_use(session, held.settings)
        before = request.args.get("before", type=row_number)
        versions = publishing.versions_of(session, name, before, VERSIONS + 1)
        values: dict[str, Any] = {
            "newest": publishing.newest_number(session, name),
            "source": paper.source(name),
            "is_published": name in dict(publishing.in_use(session).texts),
            "is_replaced": name in paper.replaced,
            "drafts": publishing.drafts_of(session, name),
            "staff": names_of(session, (row.published_by for row in versions)),
        }
    return render_template(
        "staff/mail_template.html",
        name=name,
        text=text,
        errors=errors or {},
        versions=versions[:VERSIONS],
        older=versions[VERSIONS - 1].version if len(versions) > VERSIONS else None,
        me=me().staff_id,
        most=MAX_BYTES,
        **values,
    )


def _draft_page(draft_id: int, errors: dict[str, str] | None = None) -> str:
    held, look = runtime(), letter_preview.Look.of_request()
    with held.db.read() as session:
        row = _draft(session, draft_id)
        used = publishing.paper_in_use(session, held.settings).source(row.name)
        problems = publishing.check(session, held.settings, held.vault, row.name, row.text)
        shown = None
        if not problems:
            shown = letter_preview.written(session, held, row.name, row.text, look)
        is_late = row.base != publishing.newest_number(session, row.name)
    return render_template(
        "staff/mail_template_draft.html",
        draft=row,
        look=look,
        problems=problems,
        shown=shown,
        is_late=is_late,
        is_same=used == row.text,
        lines=publishing.difference(used, row.text),
        errors=errors or {},
        may_publish=has_power(Power.TEXTS),
        me=me().staff_id,
    )


def _version_page(version_id: int, errors: dict[str, str] | None = None) -> str:
    held = runtime()
    with held.db.read() as session:
        row = session.get(TemplateVersion, version_id) or abort(404)
        paper = publishing.paper_in_use(session, held.settings)
        text = paper.installed(row.name) if row.text is None else row.text
        used = paper.source(row.name)
        staff = names_of(session, (row.published_by,))
        newest = publishing.newest_number(session, row.name)
    return render_template(
        "staff/mail_template_version.html",
        version=row,
        text=text,
        lines=publishing.difference(used, text),
        is_newest=row.version == newest,
        is_same=used == text,
        staff=staff,
        errors=errors or {},
    )


def _draft(session: Session, draft_id: int) -> TemplateDraft:
    return session.get(TemplateDraft, draft_id) or abort(404)


def _name() -> str:
    """The file that the address or the form names."""
    name = request.values.get("name", "")
    with runtime().db.read() as session:
        if name not in publishing.paper_in_use(session, runtime().settings).names:
            abort(404)
    return name


def _to(endpoint: str, **values: Any) -> Response:
    return redirect(page_url(endpoint, **values), 303)  # type: ignore[return-value]
