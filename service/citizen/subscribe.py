"""The sign-up: topics, districts, address; one question a page, without JavaScript.

Every page is an answer to a POST that carries the choices so far, signed. The last page looks the
same for every address.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service import pages
from service.citizen.draft import ALL, Draft, Signer
from service.ledger.batches import ring_batch
from service.limits import Limits
from service.pages import language, page_url, runtime
from service.security_headers import keep_private
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.choices import all_places, all_topics
from service.subscriptions.subscribe import Ask, ask

STEPS = ("topics", "places", "address")
PER_ADDRESS = "4 per minute; 40 per hour"
PER_CLIENT = "100 per hour"
ASKED = "asked"  # the session's name for what the last page shows, encrypted

# A field's name and what is wrong with it.
Errors = dict[str, str]


def blueprint(limits: Limits) -> Blueprint:
    """The sign-up's pages, with the limits that keep it from being used against others."""
    part = Blueprint("subscribe", __name__)
    pages.protect_forms(part)
    send = limits.guard(
        limits.guard(_send, PER_ADDRESS, "ask-address", _address_key), PER_CLIENT, "ask-client"
    )

    @part.get("/subscribe")
    def start() -> Response:
        wanted = request.args.getlist("topic")
        return _page("topics", Draft(topics=tuple(wanted)))

    @part.post("/subscribe")
    def answer() -> ResponseReturnValue:
        return _answer(send)

    @part.get("/check-email")
    def check() -> Response:
        asked = _asked()
        return keep_private(
            make_response(
                render_template(
                    "citizen/check_email.html",
                    email=asked.email if asked else "",
                    sealed=_signer().seal(asked) if asked else "",
                    is_again="again" in request.args,
                )
            )
        )

    @part.post("/check-email")
    def again() -> ResponseReturnValue:
        asked = _asked()
        if asked is None:
            return redirect(page_url("subscribe.start"), 303)
        g.ask_address = asked.email
        return send(asked, again=1)

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _answer(send: Callable[..., ResponseReturnValue]) -> ResponseReturnValue:
    step, go = request.form.get("step"), request.form.get("go", "next")
    draft = _signer().open(request.form.get("choices", ""))
    if draft is None or step not in STEPS:
        return redirect(page_url("subscribe.start"), 303)
    if step != "address" and "email" in request.form:
        draft = draft.with_answers("address", request.form)
    draft = draft.with_answers(step, request.form)
    if go in STEPS:
        return _page(go, draft)
    errors = _errors(step, draft)
    if errors:
        return _page(step, draft, errors)
    if step != "address":
        return _page(STEPS[STEPS.index(step) + 1], draft)
    missing = next((name for name in STEPS[:2] if _errors(name, draft)), None)
    if missing:
        return _page(missing, draft, _errors(missing, draft))
    g.ask_address = normalise_email(draft.email)
    return send(draft)


def _send(draft: Draft, **arguments: int) -> ResponseReturnValue:
    """Ask for the confirmation; the same steps and the same answer for every address."""
    held = runtime()
    with held.db.write() as database:
        batch = ask(
            database,
            held.vault,
            Ask(
                address=g.ask_address,
                choices=draft.choices(all_topics(database), all_places(database)),
                language=language(),
                consent_text=consent_text(),
                origin="web",
                request_id=g.request_id,
            ),
        )
    if batch is not None:
        ring_batch(held.doorbell, batch)
    session[ASKED] = held.vault.encrypt(
        json.dumps({"email": g.ask_address, "choices": _signer().seal(draft)})
    )
    return redirect(page_url("subscribe.check", **arguments), 303)


def consent_text() -> str:
    """The sentence that people agree to; its hash is the proof of which version it was."""
    return str(
        gettext("I give explicit consent to processing my email address to send the news I chose.")
    )


def _asked() -> Draft | None:
    """What this browser has just asked for."""
    try:
        data = json.loads(runtime().vault.decrypt(session.get(ASKED, "")))
    except ValueError:
        return None
    draft = _signer().open(data["choices"])
    return draft and Draft(draft.topics, draft.places, data["email"], has_consent=True)


def _errors(step: str, draft: Draft) -> Errors:
    held = runtime()
    with held.db.read() as database:
        choices = draft.choices(all_topics(database), all_places(database))
    if step == "topics" and choices.topic_ids == ():
        return {"topics": gettext("Select at least one topic")}
    if step == "places" and choices.place_ids == ():
        return {"places": gettext("Select at least one district, or the whole city")}
    errors: Errors = {}
    if step == "address":
        if not draft.email.strip():
            errors["email"] = gettext("Enter your email address")
        else:
            try:
                normalise_email(draft.email)
            except AddressError:
                errors["email"] = gettext("Enter it like name@example.com")
        if not draft.has_consent:
            errors["consent"] = gettext("Tick the box to give your consent")
    return errors


def _page(step: str, draft: Draft, errors: Errors | None = None) -> Response:
    with runtime().db.read() as database:
        page = render_template(
            f"citizen/subscribe_{step}.html",
            step=step,
            draft=draft,
            sealed=_signer().seal(draft),
            errors=errors or {},
            everything=ALL,
            topics=all_topics(database),
            places=all_places(database),
            consent_text=consent_text(),
        )
    return make_response(page)


def _address_key() -> str:
    return address_hash(runtime().vault, "email", g.ask_address)


def _signer() -> Signer:
    return Signer(runtime().settings)
