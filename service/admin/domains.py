"""Mail domains: how providers take the city's mail, and whether its own DNS records are right."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service.admin import now_words
from service.admin.access import needs
from service.admin.powers import Power
from service.db import utcnow
from service.doctor import Finding, Patient, Resolver, examine_names
from service.ledger import domains
from service.ledger.halts import live_pauses
from service.models import DeliveryState, HaltScope
from service.pages import runtime

CHECKS = "6 per minute"  # of all staff together: each asks the DNS some twenty questions
PATIENCE_S, IN_ALL_S = 2.0, 12.0


def blueprint() -> Blueprint:
    """Everybody on the staff may look, and ask the DNS."""
    part = Blueprint("domains", __name__, url_prefix="/staff/domains")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page(None, {})

    @part.post("/check")
    @needs(Power.SEE)
    def check() -> ResponseReturnValue:
        if not runtime().limits.allow(CHECKS, "domain-check"):
            said = gettext("The DNS was asked a moment ago. Wait a minute, then ask again.")
            return _page(None, {"check": said}), 429
        return _page(findings(), {})

    return part


def findings() -> list[Finding]:
    """What the DNS says of the domain that our mail comes from; empty where none is set."""
    settings = runtime().settings
    if "mail_from" not in settings.model_fields_set:
        return []
    names = Patient(Resolver(patience_s=PATIENCE_S), IN_ALL_S)
    return list(examine_names(settings, names))


def _page(found: list[Finding] | None, errors: dict[str, str]) -> str:
    now = utcnow()
    with runtime().db.read() as session:
        lanes, troubled = domains.lanes(session, now), domains.domains(session, now)
        paused = {halt.lane for halt in live_pauses(session, HaltScope.LANE)}
    return render_template(
        "staff/domains.html",
        lanes=lanes,
        domains=troubled,
        paused=paused,
        findings=found,
        mail_domain=runtime().settings.mail_domain,
        now=now,
        errors=errors,
        now_words=now_words,
        State=DeliveryState,
    )
