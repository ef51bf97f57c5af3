"""Alarms: what went wrong for good, how to mend it, and who put it away."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import now_words
from service.admin.access import needs, record
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.alarms import clear_by_id, lately_cleared, live_alarms
from service.models import Alarm, AuditEntry
from service.pages import page_url, runtime

MAX_REASON = 200
MOST_CLEARED = 20
CLEARED = "alarm.clear"


def blueprint() -> Blueprint:
    """Everybody on the staff sees them; who may send clears them."""
    part = Blueprint("alarms", __name__, url_prefix="/staff/alarms")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page({})

    @part.post("/<int:alarm_id>/clear")
    @needs(Power.SEND)
    def clear(alarm_id: int) -> ResponseReturnValue:
        reason = a_reason(request.form.get("reason", ""))
        if not reason:
            return _page({f"reason-{alarm_id}": gettext("Write a reason")}), 422
        with runtime().db.write() as session:
            if session.get(Alarm, alarm_id) is None:
                abort(404)
            if clear_by_id(session, alarm_id, utcnow()):
                record(session, CLEARED, alarm_id, reason=reason)
        return redirect(page_url("alarms.index"), 303)

    return part


def a_reason(text: str) -> str:
    """What somebody typed as a reason, in one line."""
    return " ".join(text.split())[:MAX_REASON]


def reasons(session: Session, cleared: list[Alarm]) -> dict[int, str]:
    """Why staff cleared these alarms; those that ended by themselves have no reason."""
    its = [alarm.id for alarm in cleared]
    query = select(AuditEntry.object_id, AuditEntry.detail).where(AuditEntry.act == CLEARED)
    found = session.execute(query.where(AuditEntry.object_id.in_(its)))
    return {int(id_ or 0): str(detail.get("reason", "")) for id_, detail in found}


def _page(errors: dict[str, str]) -> str:
    with runtime().db.read() as session:
        cleared = list(lately_cleared(session, MOST_CLEARED))
        return render_template(
            "staff/alarms.html",
            alarms=live_alarms(session),
            cleared=cleared,
            reasons=reasons(session, cleared),
            errors=errors,
            now_words=now_words,
            max_reason=MAX_REASON,
        )
