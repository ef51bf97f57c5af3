"""Signing in by a mailed link, and out again. The pages are the same for every address."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
)
from flask.typing import ResponseReturnValue

from service import pages
from service.citizen import signed_in
from service.citizen.email_field import email_problem
from service.ledger.batches import ring_batch_soon
from service.limits import Limits
from service.pages import language, page_url, runtime
from service.security_headers import keep_private
from service.subscriptions import signing_in
from service.subscriptions.addresses import address_hash, normalise_email
from service.subscriptions.tokens import LinkState

PER_ADDRESS = "11 per hour"
PER_CLIENT = "100 per hour"
ASKED = "sign-in"  # the session's name for the address that the next page shows, encrypted


def blueprint(limits: Limits) -> Blueprint:
    """Ask for a link, open it, leave.

    The form behind a link has a CSRF token, unlike those of other links: signing somebody in by a
    link that is not theirs would show them somebody else's choices as their own.
    """
    part = Blueprint("sign_in", __name__)
    pages.protect_forms(part)
    send = limits.guard(
        limits.guard(_send, PER_ADDRESS, "sign-in-address", _address_key),
        PER_CLIENT,
        "sign-in-client",
    )

    @part.get("/sign-in")
    def ask() -> Response:
        return _form("", {})

    @part.post("/sign-in")
    def asked() -> ResponseReturnValue:
        text, problem = email_problem(request.form)
        if problem:
            return _form(text, {"email": problem})
        g.sign_in_address = normalise_email(text)
        return send()

    @part.get("/sign-in/sent")
    def sent() -> Response:
        try:
            address = runtime().vault.decrypt(session.get(ASKED, ""))
        except ValueError:
            address = ""
        return make_response(render_template("citizen/sign_in_sent.html", email=address))

    @part.get("/sign-in/<token>")
    def link(token: str) -> Response:
        with runtime().db.read() as database:
            return _link(token, signing_in.peek(database, runtime().vault, token))

    @part.post("/sign-in/<token>")
    def enter(token: str) -> ResponseReturnValue:
        with runtime().db.write() as database:
            state, destination = signing_in.enter(database, runtime().vault, token)
        if destination is None:
            return _link(token, state)
        session.pop(ASKED, None)
        signed_in.sign_in(destination)
        return redirect(page_url("my.show"), 303)

    @part.post("/sign-out")
    def leave() -> ResponseReturnValue:
        signed_in.sign_out()
        return redirect(page_url("sign_in.out"), 303)

    @part.get("/signed-out")
    def out() -> Response:
        return make_response(render_template("citizen/signed_out.html"))

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _send() -> ResponseReturnValue:
    """Ask for a link; the same steps, the same answer and the same time for every address."""
    held = runtime()
    # Not durable: a commit that waits for the disk would tell that there was something to write.
    with held.db.write(is_durable=False) as database:
        batch = signing_in.ask(
            database, held.vault, g.sign_in_address, language(), request_id=g.request_id
        )
    if batch is not None:
        ring_batch_soon(held.doorbell, batch)
    session[ASKED] = held.vault.encrypt(g.sign_in_address)
    return redirect(page_url("sign_in.sent"), 303)


def _form(text: str, errors: dict[str, str]) -> Response:
    return make_response(render_template("citizen/sign_in.html", email=text, errors=errors))


def _link(token: str, state: LinkState) -> Response:
    if state is LinkState.UNKNOWN:
        abort(404)
    page = render_template("citizen/sign_in_link.html", state=state.value, token=token)
    return make_response(page, 200 if state is LinkState.OPEN else 410)


def _address_key() -> str:
    return address_hash(runtime().vault, "email", g.sign_in_address)
