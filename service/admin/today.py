"""Today: how the news goes its way at this moment, and what somebody should look at."""

from __future__ import annotations

from flask import Blueprint, render_template

from service.admin.access import needs
from service.admin.powers import Power
from service.ledger.alarms import HOW_TO_MEND, live_alarms
from service.pages import runtime


def blueprint() -> Blueprint:
    """The staff's front page."""
    part = Blueprint("today", __name__, url_prefix="/staff")

    @part.get("/")
    @needs(Power.SEE)
    def show() -> str:
        with runtime().db.read() as session:
            alarms = live_alarms(session)
        return render_template("staff/today.html", alarms=alarms, how_to_mend=HOW_TO_MEND)

    return part
