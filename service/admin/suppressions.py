"""Suppressions: how many and why, one by exact address with its evidence, lifted or added."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service.admin import looking, people_acts, words
from service.admin.access import me, needs
from service.admin.people_acts import NotNow
from service.admin.powers import Power
from service.admin.subscribers import MAX_FIELD, REFUSED, look_up
from service.ledger.suppressions import counts_by_reason, newest
from service.pages import page_url, runtime
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.office import Found, reason_of

PAGE = 25


def blueprint() -> Blueprint:
    """One page that shows, looks up and acts."""
    part = Blueprint("suppressions", __name__, url_prefix="/staff/suppressions")

    @part.get("")
    @needs(Power.PEOPLE)
    def index() -> str:
        return _page()

    @part.post("")
    @needs(Power.PEOPLE)
    def look() -> ResponseReturnValue:
        address, found, errors = look_up(looking.LOOK_SUPPRESSION)
        text = _page(address, found, errors)
        return (text, 422) if errors else text

    @part.post("/add")
    @needs(Power.PEOPLE)
    def add() -> ResponseReturnValue:
        return _do("add")

    @part.post("/lift")
    @needs(Power.PEOPLE)
    def lift() -> ResponseReturnValue:
        return _do("lift")

    return part


def _do(name: str) -> ResponseReturnValue:
    """Add or lift one, by its exact address and with a reason."""
    act = people_acts.suppress if name == "add" else people_acts.lift
    address = request.form.get("email", "")[:MAX_FIELD]
    reason, errors = reason_of(request.form.get("reason", "")), {}
    try:
        hashed = address_hash(runtime().vault, "email", normalise_email(address))
    except AddressError:
        errors["email"] = gettext("Enter it like name@example.com")
    if not reason:
        errors["reason"] = gettext("Write a reason")
    if not errors:
        try:
            act(runtime(), me(), hashed, reason)
        except NotNow as error:
            errors["email"] = str(REFUSED[str(error)])
    if errors:
        return _page(address, None, errors), 422
    return redirect(page_url("suppressions.index", done=name), 303)


def _page(
    address: str = "", found: Found | None = None, errors: dict[str, str] | None = None
) -> str:
    after = _key(request.args.get("after", ""))
    with runtime().db.read() as session:
        counts = counts_by_reason(session)
        rows = newest(session, PAGE + 1, after)
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    older = f"{last.at.timestamp()}-{last.address_hash}" if last else None
    return render_template(
        "staff/people_suppressions.html",
        counts=counts,
        rows=rows[:PAGE],
        older=older,
        is_first=after is None,
        email=address,
        found=found,
        errors=errors or {},
        done=request.args.get("done", ""),
        words=words,
    )


def _key(text: str) -> tuple[datetime, str] | None:
    """Where a page begins; null for the first, and for what is no such place."""
    at, _, hashed = text.partition("-")
    try:
        return (datetime.fromtimestamp(float(at), UTC), hashed) if hashed else None
    except (ValueError, OverflowError, OSError):
        return None
