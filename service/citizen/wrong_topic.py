"""“Wrong topic?”: anybody may say so of an article, without signing in and without any text."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service import pages
from service.archive.reading import Gone, look_up
from service.db import utcnow
from service.limits import Limits, client
from service.models import Topic
from service.pages import page_url, runtime
from service.security_headers import keep_private
from service.subscriptions import wrong_topic

PER_CLIENT = "20 per hour"
ONCE = "1 per day"  # of a client and an article: more of them count as one reader


def blueprint(limits: Limits) -> Blueprint:
    """The form, and the thanks for it."""
    part = Blueprint("wrong_topic", __name__)
    pages.protect_forms(part)
    path = "/haber/<int:article_id>/wrong-topic"

    @part.get(path)
    def ask(article_id: int) -> Response:
        return _page(article_id, is_done="done" in request.args)

    def take(article_id: int) -> ResponseReturnValue:
        asked = _question(article_id)
        wrong = _ids(asked.has, request.form.getlist("wrong"))
        missing = _ids(asked.others, request.form.getlist("missing"))
        if not wrong and not missing:
            return _page(article_id, {"wrong": gettext("Select at least one topic")})
        reader = f"{client()}:{article_id}"
        held = runtime()
        if limits.allow(ONCE, f"wrong-topic:{held.vault.keyed_hash('client', reader)}"):
            with held.db.write() as session:
                wrong_topic.record(session, asked, wrong, missing, utcnow())
        return redirect(page_url("wrong_topic.ask", article_id=article_id, done=1), 303)

    part.add_url_rule(path, "take", limits.guard(take, PER_CLIENT, "wrong-topic"), methods=["POST"])

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _page(
    article_id: int, errors: dict[str, str] | None = None, *, is_done: bool = False
) -> Response:
    page = render_template(
        "citizen/wrong_topic.html",
        asked=_question(article_id),
        errors=errors or {},
        is_done=is_done,
    )
    return make_response(page)


def _question(article_id: int) -> wrong_topic.Question:
    """What the article's own page shows may be asked about, and nothing that it does not."""
    with runtime().db.read() as session:
        found = look_up(session, article_id)
        if isinstance(found, Gone):
            abort(410)
        return (found and wrong_topic.question(session, article_id)) or abort(404)


def _ids(topics: list[Topic], slugs: list[str]) -> list[int]:
    return [topic.id for topic in topics if topic.slug in slugs]
