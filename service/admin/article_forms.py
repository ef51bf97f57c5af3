"""The page of each act on one article: what it would do, then the form; what was done is told on
the article's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import ValidationError

from service.admin import words
from service.admin.access import me, needs
from service.admin.article_acts import Doer
from service.admin.article_asks import figures_of, found
from service.admin.article_kinds import KINDS, ActKind, perform
from service.ledger.refused import Refused
from service.models import Revision
from service.pages import page_url, runtime


def add_views(part: Blueprint) -> None:
    """One address for each act: GET shows what it would do, POST does it."""
    for kind in KINDS.values():
        view = needs(kind.power)(_view_of(kind))
        rule = f"/articles/<int:article_id>/{kind.name}"
        part.add_url_rule(rule, kind.name, view, methods=["GET", "POST"])


def _view_of(kind: ActKind) -> Callable[[int], ResponseReturnValue]:
    def act(article_id: int) -> ResponseReturnValue:
        if request.method == "GET":
            return _form(kind, article_id, {})
        try:
            body = kind.body.model_validate(_answers(kind))
        except ValidationError as error:
            return _form(kind, article_id, _errors(error, article_id)), 422
        try:
            done = perform(kind, Doer(runtime(), me()), article_id, body)
        except Refused as error:
            name = "confirm" if "confirm" in kind.fields else "reason"
            text = gettext(error.text, **error.values)
            return _form(kind, article_id, {name: text[:1].upper() + text[1:]}), 409
        if done.job_id is not None and "jobs.show" in current_app.view_functions:
            return redirect(page_url("jobs.show", job_id=done.job_id))
        return redirect(page_url("articles.show", article_id=article_id, done=done.key))

    return act


def _answers(kind: ActKind) -> dict[str, Any]:
    return {name: value for name, value in request.form.items() if name in kind.fields and value}


def _errors(error: ValidationError, article_id: int) -> dict[str, str]:
    """One sentence for each field that is missing or wrong."""
    texts = {
        "reason": gettext("Write a reason"),
        "minutes": gettext("Choose how long it is held"),
        "confirm": gettext(
            "Type the number of the article, %(number)s, to confirm.", number=article_id
        ),
        "note": gettext("The note is longer than 500 characters"),
    }
    names = [str(one["loc"][0]) for one in error.errors()]
    return {name: texts.get(name, gettext("This answer is not possible")) for name in names}


def _form(kind: ActKind, article_id: int, errors: dict[str, str]) -> str:
    with runtime().db.read() as session:
        article = found(session, article_id)
        revision = session.get(Revision, article.revision_id) if article.revision_id else None
        return render_template(
            "staff/article_act.html",
            kind=kind,
            article=article,
            title=revision.title if revision else article.external_id,
            figures=figures_of(session, article, kind.figures),
            errors=errors,
            answers=request.form,
            words=words,
        )
