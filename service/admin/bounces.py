"""Bounces: what came back, by domain and verdict, in the words of the other side. No address."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from flask import Blueprint, Response, render_template, request

from service.admin import now_words, words
from service.admin.access import needs
from service.admin.csv_export import csv_response
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import returns
from service.models import BounceVerdict
from service.pages import row_number, runtime

PAGE = 25
DAYS = (1, 7, 30, 90)
VERDICTS = tuple(one for one in BounceVerdict if one is not BounceVerdict.NOTHING)
MAX_DOMAIN = 255


def blueprint() -> Blueprint:
    """The page and its CSV."""
    part = Blueprint("bounces", __name__, url_prefix="/staff/bounces")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page()

    @part.get("/domains.csv")
    @needs(Power.SEE)
    def as_csv() -> Response:
        with runtime().db.read() as session:
            found = returns.by_domain(session, utcnow() - timedelta(days=days_asked()))
        rows = ((name, *(counts[one] for one in VERDICTS)) for name, counts in found.counts.items())
        return csv_response("bounces", ("domain", *VERDICTS), rows)

    return part


def days_asked() -> int:
    """Over how many days; a week unless the address says another of the offered."""
    days = request.args.get("days", 7, type=row_number)
    return days if days in DAYS else 7


def verdict_asked() -> BounceVerdict | None:
    """The verdict that the address asks for; null for all."""
    return next((one for one in VERDICTS if one == request.args.get("verdict")), None)


def _page() -> str:
    domain = request.args.get("domain", "").strip().lower()[:MAX_DOMAIN]
    before, verdict = request.args.get("before", type=row_number), verdict_asked()
    before = before if before is not None and 0 < before < 2**63 else None
    with runtime().db.read() as session:
        found = returns.by_domain(session, utcnow() - timedelta(days=days_asked()))
        rows = returns.newest(session, PAGE + 1, domain=domain, verdict=verdict, before=before)
        alarms = returns.mail_alarms(session)
    return render_template(
        "staff/people_bounces.html",
        found=found,
        shown=dict(islice(found.counts.items(), returns.DOMAINS)),
        rows=rows[:PAGE],
        older=rows[PAGE - 1].id if len(rows) > PAGE else None,
        alarms=alarms,
        how_to_mend=now_words.MEND,
        domain=domain,
        verdict=verdict,
        verdicts=VERDICTS,
        before=before,
        days=days_asked(),
        all_days=DAYS,
        words=words,
    )
