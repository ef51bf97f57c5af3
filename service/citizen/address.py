"""The links about another address: confirm at the new one, stop at the old one. POST alone acts.

As those of `links`, these forms carry no CSRF token: the signed token in the path allows the act.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, make_response, render_template

from service.ledger.batches import ring_batch
from service.pages import runtime
from service.security_headers import keep_private
from service.subscriptions import moving
from service.subscriptions.tokens import LinkState


def blueprint() -> Blueprint:
    """Both links, to look at and to use."""
    part = Blueprint("address", __name__, url_prefix="/address")

    @part.get("/<token>")
    def ask(token: str) -> Response:
        with runtime().db.read() as session:
            found = moving.peek(session, runtime().vault, token)
        return _page("move", token, found.state, found.address)

    @part.post("/<token>")
    def confirm(token: str) -> Response:
        held = runtime()
        with held.db.write() as session:
            found = moving.move(session, held.vault, token, g.request_id)
        if found.batch is not None:
            ring_batch(held.doorbell, found.batch)
        return _page("move", token, found.state)

    @part.get("/stop/<token>")
    def ask_stop(token: str) -> Response:
        with runtime().db.read() as session:
            state = moving.peek_stop(session, runtime().vault, token)
        return _page("stop", token, state)

    @part.post("/stop/<token>")
    def stop(token: str) -> Response:
        with runtime().db.write() as session:
            state = moving.stop(session, runtime().vault, token)
        return _page("stop", token, state)

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _page(act: str, token: str, state: LinkState, address: str = "") -> Response:
    if state is LinkState.UNKNOWN:
        abort(404)
    page = render_template(
        "citizen/address.html", act=act, token=token, state=state.value, address=address
    )
    return make_response(page, 410 if state is LinkState.EXPIRED and act == "move" else 200)
