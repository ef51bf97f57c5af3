"""The links in mails: confirm and unsubscribe. GET shows, POST acts, and acts at once.

Their forms carry no CSRF token: the signed token in the path is what allows the act, and whoever
has it needs no forged form. So these pages set no cookie, and a mail program's POST works as it is
(RFC 8058, section 3.1). Confirming signs its person in, unless another site has sent the form:
that could be somebody else's link, and its victim would then change what is not theirs (ADR 18).
"""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    render_template,
    request,
)
from sqlalchemy.orm import Session

from service.citizen.group_form import Drawn, drawn
from service.citizen.signed_in import sign_in
from service.ledger.batches import ring_batch
from service.models import Place, Topic
from service.pages import language, page_url, runtime
from service.security_headers import keep_private
from service.subscriptions import subscribe, unsubscribe
from service.subscriptions.changing import groups
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Confirmation
from service.subscriptions.tokens import LinkState
from service.subscriptions.unsubscribe import Leaving


def blueprint() -> Blueprint:
    """Confirm, unsubscribe and undo."""
    part = Blueprint("links", __name__)

    @part.get("/confirm/<token>")
    def confirm_page(token: str) -> Response:
        with runtime().db.read() as session:
            return _confirmation(session, token, subscribe.peek(session, runtime().vault, token))

    @part.post("/confirm/<token>")
    def confirm(token: str) -> Response:
        held = runtime()
        with held.db.write() as session:
            found = subscribe.confirm(session, held.vault, token, g.request_id)
        if found.batch is not None:
            ring_batch(held.doorbell, found.batch)
        is_signed_in = found.destination is not None and _is_from_here()
        if found.destination is not None and is_signed_in:
            sign_in(found.destination)
        with held.db.read() as session:
            return _confirmation(session, token, found, is_signed_in=is_signed_in)

    @part.get("/u/<token>")
    def unsubscribe_page(token: str) -> Response:
        return _leaving("ask", token)

    @part.post("/u/<token>")
    def leave(token: str) -> Response:
        """One click: whatever the body is, it is not even read."""
        with runtime().db.write() as session:
            unsubscribe.end_by_token(session, runtime().vault, token)
        return _leaving("done", token)

    @part.post("/u/<token>/all")
    def leave_everything(token: str) -> Response:
        with runtime().db.write() as session:
            unsubscribe.end_all_by_token(session, runtime().vault, token)
        return _leaving("everything", token)

    @part.post("/u/<token>/undo")
    def undo(token: str) -> Response:
        everything = request.form.get("what") == "everything"
        with runtime().db.write() as session:
            unsubscribe.undo(session, runtime().vault, token, everything=everything)
        return _leaving("undone", token)

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    return part


def _is_from_here() -> bool:
    """True where this very site sent the form, or a browser that does not say.

    `Origin` does not tell: our private pages send no referrer, so there it is `null` (Fetch).
    """
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _confirmation(
    session: Session, token: str, found: Confirmation, *, is_signed_in: bool = False
) -> Response:
    if found.state is LinkState.UNKNOWN:
        abort(404)
    page = render_template(
        "citizen/confirm.html",
        state=found.state.value,
        token=token,
        is_known=found.is_known,
        choices=found.choices,
        my_url=page_url("my.show") if is_signed_in else "",
        topics=_topic_names(session, found.choices),
        places=_place_names(session, found.choices),
    )
    return make_response(page, 410 if found.state is LinkState.EXPIRED else 200)


def _leaving(act: str, token: str) -> Response:
    with runtime().db.read() as session:
        leaving = unsubscribe.peek(session, runtime().vault, token)
        if leaving is None:
            abort(404)
        page = render_template(
            "citizen/unsubscribe.html",
            act=act,
            token=token,
            leaving=leaving,
            topic=_topic_name(session, leaving),
            place=_place_name(session, leaving),
            # Looking tells nobody what else is asked for: letters are passed on.
            still=_still(session, leaving) if act != "ask" else [],
        )
    return make_response(page)


def _still(session: Session, leaving: Leaving) -> list[Drawn]:
    """What goes on after an act."""
    return [drawn(session, one) for one in groups(session, leaving.destination_id)]


def _topic_names(session: Session, choices: Choices | None) -> list[str] | None:
    """Names in the reader's language; None: all topics."""
    if choices is None or choices.topic_ids is None:
        return None
    rows = session.query(Topic).where(Topic.id.in_(choices.topic_ids)).order_by(Topic.position)
    return [row.name(language()) for row in rows]


def _place_names(session: Session, choices: Choices | None) -> list[str] | None:
    """Names in Turkish order; None: the whole city."""
    if choices is None or choices.place_ids is None:
        return None
    rows = session.query(Place).where(Place.id.in_(choices.place_ids)).order_by(Place.position)
    return [row.name for row in rows]


def _topic_name(session: Session, leaving: Leaving) -> str | None:
    row = session.get(Topic, leaving.topic_id) if leaving.topic_id else None
    return row.name(language()) if row else None


def _place_name(session: Session, leaving: Leaving) -> str | None:
    row = session.get(Place, leaving.place_id) if leaving.place_id else None
    return row.name if row else None
