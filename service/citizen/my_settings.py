"""The rest of My page: a break, quiet hours, language and another address."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service import pages
from service.citizen.email_field import email_problem
from service.citizen.my import done
from service.citizen.signed_in import signed_in_only
from service.citizen.subscribe import PER_ADDRESS, PER_CLIENT
from service.db import utcnow
from service.ledger.batches import ring_batch_soon
from service.limits import Limits
from service.models import Destination
from service.pages import page_url, runtime
from service.subscriptions import moving, preferences
from service.subscriptions.addresses import address_hash, normalise_email
from service.subscriptions.preferences import Break, BreakError

LANGUAGES = ("tr", "en")
# Who is signed in may try some addresses, not many: each gets a letter.
PER_PERSON = "5 per hour; 10 per day"


def blueprint(limits: Limits) -> Blueprint:
    """A page with one question each. An address is asked as often as by the sign-up, all told."""
    part = Blueprint("my_settings", __name__, url_prefix="/my")
    pages.protect_forms(part)
    move = limits.guard(_move, PER_ADDRESS, "ask-address", _new_key)
    move = limits.guard(move, PER_PERSON, "move-person", lambda: str(g.person_id))
    move = limits.guard(move, PER_CLIENT, "ask-client")

    @part.get("/pause")
    @signed_in_only
    def pause_page() -> Response:
        return _pause_form("", "", {})

    @part.post("/pause")
    @signed_in_only
    def pause() -> ResponseReturnValue:
        return _pause()

    @part.post("/resume")
    @signed_in_only
    def resume() -> ResponseReturnValue:
        with runtime().db.write() as session:
            preferences.resume(session, session.get_one(Destination, g.person_id))
        return done("resumed")

    @part.get("/quiet-hours")
    @signed_in_only
    def quiet_page() -> Response:
        with runtime().db.read() as session:
            person = session.get_one(Destination, g.person_id)
        if person.quiet_from is None or person.quiet_until is None:
            return _quiet_form("22:00", "08:00", is_on=False)
        times = (preferences.clock_of(one) for one in (person.quiet_from, person.quiet_until))
        return _quiet_form(*times, is_on=True)

    @part.post("/quiet-hours")
    @signed_in_only
    def quiet() -> ResponseReturnValue:
        return _quiet()

    @part.post("/quiet-hours/off")
    @signed_in_only
    def loud() -> ResponseReturnValue:
        with runtime().db.write() as session:
            person = session.get_one(Destination, g.person_id)
            preferences.set_quiet_hours(session, person, None, None)
        return done("loud")

    @part.get("/language")
    @signed_in_only
    def language_page() -> Response:
        with runtime().db.read() as session:
            chosen = session.get_one(Destination, g.person_id).language
        return make_response(render_template("citizen/my/language.html", chosen=chosen))

    @part.post("/language")
    @signed_in_only
    def language() -> ResponseReturnValue:
        wanted = request.form.get("language", "")
        if wanted not in LANGUAGES:
            return redirect(page_url("my_settings.language_page"), 303)
        with runtime().db.write() as session:
            person = session.get_one(Destination, g.person_id)
            preferences.set_language(session, person, wanted)
        has_prefix = runtime().settings.brand.prefix(wanted)  # the page follows
        return redirect(
            url_for(f"my_{wanted}.show" if has_prefix else "my.show", done="language"), 303
        )

    @part.get("/address")
    @signed_in_only
    def address_page() -> Response:
        return _address_form("", {})

    @part.post("/address")
    @signed_in_only
    def address() -> ResponseReturnValue:
        text, problem = email_problem(request.form)
        if not problem:
            g.new_address = normalise_email(text)
            with runtime().db.read() as session:
                its_own = session.get_one(Destination, g.person_id).address_hash
            if _new_key() == its_own:
                problem = gettext("This is the address that you have now")
        if problem:
            return _address_form(text, {"email": problem})
        return move()

    return part


def _pause() -> ResponseReturnValue:
    wanted, typed = request.form.get("until", "")[:16], request.form.get("date", "")[:16]
    if wanted not in list(Break):
        return _pause_form("", typed, {"until": gettext("Select how long")})
    zone = runtime().settings.timezone
    today = utcnow().astimezone(ZoneInfo(zone)).date()
    try:
        day = preferences.last_day(Break(wanted), typed, today)
    except BreakError:
        problem = gettext("Enter a date from tomorrow on, and within one year")
        return _pause_form(wanted, typed, {"date": problem})
    with runtime().db.write() as session:
        person = session.get_one(Destination, g.person_id)
        preferences.pause(session, person, preferences.begins_at(day, zone))
    return done("paused")


def _pause_form(wanted: str, typed: str, errors: dict[str, str]) -> Response:
    zone = runtime().settings.timezone
    today = utcnow().astimezone(ZoneInfo(zone)).date()
    ends: dict[str, datetime] = {
        one: preferences.begins_at(preferences.last_day(one, "", today), zone)
        for one in (Break.WEEK, Break.FORTNIGHT, Break.MONTH)
    }
    page = render_template(
        "citizen/my/pause.html", wanted=wanted, typed=typed, errors=errors, ends=ends
    )
    return make_response(page)


def _quiet() -> ResponseReturnValue:
    texts = [request.form.get(name, "")[:8] for name in ("from", "until")]
    start, end = map(preferences.minute_of, texts)
    errors = {}
    if start is None:
        errors["from"] = gettext("Enter the time at which quiet begins, like 22:00")
    if end is None:
        errors["until"] = gettext("Enter the time at which quiet ends, like 08:00")
    if not errors and start == end:
        errors["until"] = gettext("The two times must not be the same")
    if errors:
        return _quiet_form(*texts, is_on=False, errors=errors)
    with runtime().db.write() as session:
        person = session.get_one(Destination, g.person_id)
        preferences.set_quiet_hours(session, person, start, end)
    return done("quiet")


def _quiet_form(
    start: str, end: str, *, is_on: bool, errors: dict[str, str] | None = None
) -> Response:
    page = render_template(
        "citizen/my/quiet.html", start=start, end=end, is_on=is_on, errors=errors or {}
    )
    return make_response(page)


def _move() -> ResponseReturnValue:
    """Write to both addresses; the same answer, whether somebody has the new one already."""
    held = runtime()
    with held.db.write() as session:
        batches = moving.ask(session, held.vault, g.person_id, g.new_address, g.request_id)
    for batch in batches:
        ring_batch_soon(held.doorbell, batch)
    return make_response(render_template("citizen/my/address_sent.html", email=g.new_address))


def _address_form(text: str, errors: dict[str, str]) -> Response:
    with runtime().db.read() as session:
        now = session.get_one(Destination, g.person_id).address
    page = render_template("citizen/my/address.html", now=now, email=text, errors=errors)
    return make_response(page)


def _new_key() -> str:
    return address_hash(runtime().vault, "email", g.new_address)
