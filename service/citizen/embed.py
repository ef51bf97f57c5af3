"""The sign-up on other sites of the city: a plain form to copy, and the door that it is sent to.

The form has no script, no frame and no cookie. What it sends only opens our own page with all
answers, where consent is given and the mail is asked for: it can do no more than somebody who fills
in the sign-up by hand (ADR 18).
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from service.citizen import subscribe
from service.citizen.answers import CHECK, first_gap
from service.citizen.draft import ALL, Draft
from service.limits import Limits
from service.models import Frequency, Topic
from service.pages import page_url, runtime
from service.security_headers import keep_private
from service.subscriptions.choices import all_topics

PER_CLIENT = "100 per hour"
CACHE = "public, max-age=300"
ORIGIN = "embed"


def blueprint(limits: Limits) -> Blueprint:
    """The page for webmasters, and what their forms are sent to."""
    part = Blueprint("embed", __name__)
    open_at_check = limits.guard(_open, PER_CLIENT, "embed-client")

    @part.get("/embed")
    def show() -> Response:
        with runtime().db.read() as database:
            topics = all_topics(database)
        wanted = request.args.getlist("topics")
        chosen = [topic for topic in topics if topic.slug in wanted]
        is_ready = ALL in wanted or bool(chosen)
        form = _form([] if ALL in wanted else chosen) if is_ready else ""
        page = render_template(
            "citizen/embed.html", topics=topics, wanted=wanted, everything=ALL, form=form
        )
        response = make_response(page)
        response.headers["Cache-Control"] = CACHE
        return response

    @part.post("/embed")
    def begin() -> ResponseReturnValue:
        return keep_private(make_response(open_at_check()))

    return part


def _open() -> ResponseReturnValue:
    """The page with all answers, or the first one that lacks something. Sends nothing."""
    draft = Draft(origin=ORIGIN, way="email")
    for step in ("topics", "places", "often", "address"):
        draft = draft.with_answers(step, request.form)
    # A foreign form never answers for consent: it is given here, with the notice beside it. What it
    # does not say of places and times is what most people want, and can be changed on this page.
    draft = replace(
        draft,
        places=draft.places or (ALL,),
        frequency=draft.frequency or Frequency.INSTANT.value,
        is_local_only=False,
        has_consent=False,
        has_consent_abroad=False,
        is_checked=True,
    )
    with runtime().db.read() as database:
        step, errors = first_gap(database, draft) or (CHECK, {})
    # Only what was typed can be wrong: the rest has not been asked yet.
    wrong = {name: text for name, text in errors.items() if name == "email" and draft.email}
    return subscribe.page(step, draft, wrong)


def _form(topics: list[Topic]) -> str:
    """The form to copy, in the language of the page."""
    return render_template(
        "citizen/embed_form.html",
        action=runtime().settings.public_url + page_url("embed.begin"),
        notice=runtime().settings.public_url + page_url("topics.privacy"),
        topics=topics,
        everything=ALL,
    )
