"""How a source is pulled, as staff set it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from service.admin import source_words
from service.admin.access import me, needs
from service.admin.powers import Power
from service.admin.source_forms import Errors, said
from service.db import utcnow
from service.ingest.managing import pulls, sources
from service.ingest.managing.fields import SourceError
from service.ingest.managing.pulls import PullAct
from service.models import Pull, Source
from service.pages import page_url, runtime
from service.tasks import Task


def add_to(part: Blueprint) -> None:
    """Settings and acts; what changes them rings for a poll."""

    @part.get("/<int:source_id>/pull")
    @needs(Power.SEE)
    def pull(source_id: int) -> str:
        return _page(source_id, {})

    @part.post("/<int:source_id>/pull")
    @needs(Power.SOURCES)
    def set_pull(source_id: int) -> ResponseReturnValue:
        held = runtime()
        given = {name: request.form.get(name, "").strip() for name in ("kind", "url", "rules")}
        try:
            with held.db.write() as session:
                row = sources.locked(session, source_id) or abort(404)
                pulls.configure(
                    *(session, held.vault, held.settings, me(), row, utcnow()),
                    kind=given["kind"],
                    url=given["url"],
                    rules=given["rules"],
                )
        except SourceError as error:
            return _page(source_id, said(error)), 422
        held.doorbell.ring(Task.PULL_SOURCE, source_id)
        return redirect(page_url("sources.pull", source_id=source_id), 303)

    @part.post("/<int:source_id>/pull/act")
    @needs(Power.SOURCES)
    def act_on_pull(source_id: int) -> ResponseReturnValue:
        held, what = runtime(), request.form.get("act", "")
        if what not in set(PullAct):
            abort(400)
        try:
            with held.db.write() as session:
                row = sources.locked(session, source_id) or abort(404)
                pulls.act(session, held.vault, me(), row, PullAct(what), utcnow())
        except SourceError as error:
            return _page(source_id, said(error)), 422
        if what != PullAct.PAUSE:
            held.doorbell.ring(Task.PULL_SOURCE, source_id)
        return redirect(page_url("sources.pull", source_id=source_id), 303)


def _page(source_id: int, errors: Errors) -> str:
    with runtime().db.read() as session:
        pull = session.get(Pull, source_id)
        return render_template(
            "staff/source_pull.html",
            source=session.get(Source, source_id) or abort(404),
            pull=pull,
            form=request.form,
            errors=errors,
            words=source_words,
            rules_text=pulls.rules_text(pull.rules) if pull else "",
        )
