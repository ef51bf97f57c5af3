"""Given up: work past its last try, with what went wrong; retried, or put away for a reason."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import now_words
from service.admin.access import me, needs, record
from service.admin.alarms import MAX_REASON, a_reason
from service.admin.powers import Power
from service.admin.scope import OutOfScope, require_no_scope
from service.bounces import strip_addresses
from service.crypto import Vault
from service.db import utcnow
from service.ledger import given_up
from service.ledger.given_up import Given, GivenUp, GivenUpError
from service.ledger.waiting import Ring
from service.models import InboxEvent
from service.pages import page_url, row_number, runtime

PAGE_SIZE = 25
MAX_NUMBER = 2**63 - 1
MOST_FIELDS, LONGEST_NAME = 24, 40


def blueprint() -> Blueprint:
    """Everybody on the staff may look; who may send retries and discards."""
    part = Blueprint("dead_letters", __name__, url_prefix="/staff/dead-letters")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page(_kind(request.args.get("kind")))

    @part.post("/retry")
    @needs(Power.SEND)
    def retry() -> ResponseReturnValue:
        kind, number = _kind(request.form.get("kind")), _number()
        try:
            with runtime().db.write() as session:
                _require_no_scope(session)
                ring = given_up.begin_again(session, kind, number, utcnow())
                record(session, f"{kind.value}.retry", number)
        except GivenUpError:
            return _gone(kind)
        ring_for(ring)
        return _back(kind)

    @part.post("/retry-all")
    @needs(Power.SEND)
    def retry_all() -> ResponseReturnValue:
        kind = _kind(request.form.get("kind"))
        if " ".join(request.form.get("confirm", "").split()) != gettext("retry"):
            return _page(kind, {"confirm": gettext("Type the word as it is shown")}), 422
        with runtime().db.write() as session:
            _require_no_scope(session)
            begun = given_up.begin_some_again(session, kind, utcnow())
            record(session, f"{kind.value}.retry-all", ids=[number for number, _ in begun])
        for _, ring in begun:
            ring_for(ring)
        return _back(kind)

    @part.post("/discard")
    @needs(Power.SEND)
    def discard() -> ResponseReturnValue:
        kind, number = _kind(request.form.get("kind")), _number()
        reason = a_reason(request.form.get("reason", ""))
        if not reason:
            return _page(kind, {f"reason-{number}": gettext("Write a reason")}), 422
        try:
            with runtime().db.write() as session:
                _require_no_scope(session)
                given_up.discard(session, kind, number, reason, utcnow())
                record(session, f"{kind.value}.discard", number, reason=reason)
        except GivenUpError:
            return _gone(kind)
        return _back(kind)

    return part


def _require_no_scope(session: Session) -> None:
    """Who decides about some topics leaves this to others."""
    try:
        require_no_scope(session, me().staff_id)
    except OutOfScope:
        abort(403)


def ring_for(ring: Ring) -> None:
    """Tell a worker of what begins again, after the commit."""
    runtime().doorbell.ring(ring.task, ring.row_id, ring.queue)


def masked_input(session: Session, vault: Vault, item: GivenUp) -> list[str]:
    """What an event held, field by field, without what is in the fields."""
    row = session.get(InboxEvent, item.id) if item.kind is Given.EVENT else None
    if row is None or row.sealed_body is None:
        return []
    body = vault.decrypt(row.sealed_body)
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [f"{len(body)} characters"]
    fields = read.items() if isinstance(read, dict) else [("", read)]
    return [_shape(str(name), value) for name, value in list(fields)[:MOST_FIELDS]]


def _shape(name: str, value: Any) -> str:
    shown = strip_addresses(name[:LONGEST_NAME])
    if isinstance(value, str):
        return f"{shown}: {len(value)} characters"
    if isinstance(value, list | dict):
        return f"{shown}: {len(value)} entries"
    return f"{shown}: {'null' if value is None else type(value).__name__}"


def _page(kind: Given, errors: dict[str, str] | None = None) -> str:
    before = request.args.get("before", type=row_number)
    before = before if before is not None and 0 < before <= MAX_NUMBER else None
    with runtime().db.read() as session:
        found = given_up.listed(session, kind, before, PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        return render_template(
            "staff/dead_letters.html",
            kind=kind,
            kinds={one: given_up.count(session, one) for one in Given},
            items=[(item, masked_input(session, runtime().vault, item)) for item in shown],
            further=shown[-1].id if len(found) > PAGE_SIZE else None,
            before=before,
            at_once=given_up.AT_ONCE,
            errors=errors or {},
            now_words=now_words,
            max_reason=MAX_REASON,
        )


def _kind(text: str | None) -> Given:
    """The kind that was asked for; the first that has something, or the first of all."""
    if text:
        return Given(text) if text in set(Given) else abort(404)
    with runtime().db.read() as session:
        return next((one for one in Given if given_up.count(session, one)), Given.BATCH)


def _number() -> int:
    number = request.form.get("id", type=row_number)
    if number is None or not 0 < number <= MAX_NUMBER:
        abort(400)
    return number


def _gone(kind: Given) -> ResponseReturnValue:
    said = gettext("It is not given up any more, or cannot be begun again: look at the list anew")
    return _page(kind, {"items": said}), 409


def _back(kind: Given) -> ResponseReturnValue:
    return redirect(page_url("dead_letters.index", kind=kind.value), 303)
