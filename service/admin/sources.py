"""Sources as staff manage them: list, add, edit, rotate. A stored secret is never shown; a new one
once."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import source_inbox, source_pulls, source_words
from service.admin.access import me, needs
from service.admin.api.source_shown import door_of, version_of
from service.admin.powers import Power
from service.admin.source_forms import Errors, fields_of, said, stored_fields
from service.db import utcnow
from service.ingest.credentials import badges
from service.ingest.managing import sources
from service.ingest.managing.events import activity
from service.ingest.managing.fields import N_, SourceError, wrong
from service.ingest.managing.sources import Credential
from service.ingest.routes import presets
from service.models import Source
from service.pages import page_url, runtime


def blueprint() -> Blueprint:
    """Everybody on the staff may look; administrators may act."""
    part = Blueprint("sources", __name__, url_prefix="/staff/sources")
    source_inbox.allow_whole_events(part)
    _add_views(part)
    _add_changes(part)
    source_pulls.add_to(part)
    source_inbox.add_to(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        with runtime().db.read() as session:
            rows = [
                (row, badges(row), activity(session, row.id, utcnow()))
                for row in sources.all_sources(session)
            ]
        return render_template("staff/sources.html", rows=rows, words=source_words)

    @part.get("/new")
    @needs(Power.SOURCES, fresh=True)
    def new() -> str:
        return _new_page({}, {})

    @part.get("/<int:source_id>")
    @needs(Power.SEE)
    def show(source_id: int) -> str:
        with runtime().db.read() as session:
            row = get(session, source_id)
            return render_template(
                "staff/source.html",
                source=row,
                badges=badges(row),
                door=door_of(row),
                title=_title(row),
                found=activity(session, source_id, utcnow()),
                version=version_of(row),
                now=utcnow(),
                words=source_words,
                errors={},
            )

    @part.get("/<int:source_id>/edit")
    @needs(Power.SOURCES)
    def edit(source_id: int) -> str:
        with runtime().db.read() as session:
            row = get(session, source_id)
            return _edit_page(row, stored_fields(row), {})


def _add_changes(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.SOURCES, fresh=True)
    def add() -> ResponseReturnValue:
        held, fields = runtime(), fields_of(request.form)
        given = {name: request.form.get(name, "").strip() for name in ("slug", "preset")}
        secret = request.form.get("secret", "").strip() or None
        token = request.form.get("api_token", "").strip() or None
        scheme = request.form.get("scheme", "") or None
        try:
            with held.db.write() as session:
                made = sources.add(
                    *(session, held.vault, presets(), me()),
                    slug=given["slug"],
                    preset=given["preset"],
                    scheme=scheme,
                    secret=secret,
                    api_token=token,
                    **fields,
                )
        except SourceError as error:
            return _new_page(given | {"scheme": scheme} | fields, said(error)), 422
        return _once(made), 201

    @part.post("/<int:source_id>/edit")
    @needs(Power.SOURCES)
    def change(source_id: int) -> ResponseReturnValue:
        held, fields = runtime(), fields_of(request.form)
        token = request.form.get("api_token", "").strip() or None
        if request.form.get("forget_token"):
            token = ""
        try:
            with held.db.write() as session:
                row = _locked(session, source_id)
                sources.change(session, held.vault, me(), row, api_token=token, **fields)
        except SourceError as error:
            with held.db.read() as session:
                return _edit_page(get(session, source_id), fields, said(error)), 422
        return back_to(source_id)

    @part.get("/<int:source_id>/rotate")
    @needs(Power.SOURCES, fresh=True)
    def ask_rotate(source_id: int) -> str:
        return _rotate_page(source_id, {})

    @part.post("/<int:source_id>/rotate")
    @needs(Power.SOURCES, fresh=True)
    def rotate(source_id: int) -> ResponseReturnValue:
        held, secret = runtime(), request.form.get("secret", "").strip() or None
        try:
            with held.db.write() as session:
                row = _locked(session, source_id)
                made = sources.rotate(session, held.vault, me(), row, utcnow(), secret)
        except SourceError as error:
            return _rotate_page(source_id, said(error)), 422
        return _once(made)


def get(session: Session, source_id: int) -> Source:
    """The source of the address, or 404."""
    return session.get(Source, source_id) or abort(404)


def back_to(source_id: int) -> Response:
    """Show the source's page; a reload of it repeats nothing."""
    return redirect(page_url("sources.show", source_id=source_id), 303)  # type: ignore[return-value]


def _locked(session: Session, source_id: int) -> Source:
    """The source as it was shown; a second press of the same button finds another one."""
    row = sources.locked(session, source_id) or abort(404)
    # As If-Match (RFC 9110, section 13.1.1).
    if request.form.get("version", "") not in (version_of(row), "*"):
        text = N_("Somebody has changed it since you opened this page. Open it again.")
        raise wrong("version", text)
    return row


def _new_page(fields: dict[str, object], errors: Errors) -> str:
    """The form; a secret that was typed is not in it again."""
    return render_template(
        "staff/source_new.html",
        fields=fields,
        errors=errors,
        presets=sorted(presets().values(), key=lambda one: one.title.casefold()),
        words=source_words,
    )


def _edit_page(row: Source, fields: dict[str, object], errors: Errors) -> str:
    return render_template(
        "staff/source_edit.html",
        source=row,
        fields=fields,
        errors=errors,
        version=request.form.get("version") or version_of(row),
    )


def _rotate_page(source_id: int, errors: Errors) -> str:
    with runtime().db.read() as session:
        row = get(session, source_id)
        return render_template(
            "staff/source_rotate.html", source=row, errors=errors, version=version_of(row)
        )


def _once(made: Credential) -> str:
    """The one page that shows a secret, and what to paste where."""
    return render_template(
        "staff/source_secret.html",
        source=made.source,
        secret="" if made.is_given else made.secret,
        door=door_of(made.source),
        title=_title(made.source),
        steps=source_words.paste(made.source.preset, made.source.scheme),
    )


def _title(row: Source) -> str:
    preset = presets().get(row.preset)
    return (
        preset.title if preset else gettext("%(name)s (there is no such preset)", name=row.preset)
    )
