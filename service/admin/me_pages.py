"""My account: password, second factor, recovery codes, language, and who I am here."""

from __future__ import annotations

import secrets

from babel import Locale
from flask import Blueprint, abort, current_app, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user, hash_password, verify_password

from service import pages
from service.admin import accounts, scope, second_factor
from service.admin.access import needs, record
from service.admin.passwords import PasswordError, checked_password
from service.admin.powers import Power, powers_of
from service.admin.sign_in import PER_CODE
from service.admin.words import POWER, ROLE
from service.models import Staff
from service.pages import language, page_url, runtime
from service.subscriptions.choices import all_topics


def blueprint() -> Blueprint:
    """Everybody's own; nobody else's."""
    part = Blueprint("me", __name__, url_prefix="/staff/me")

    @part.get("")
    @needs(Power.SEE)
    def show() -> str:
        return _page({})

    @part.post("/password")
    @needs(Power.SEE)
    def password() -> ResponseReturnValue:
        limits = pages.limits_of(current_app)
        return limits.guard(
            _change_password, PER_CODE, "staff-code", lambda: str(current_user.id)
        )()

    @part.post("/recovery-codes")
    @needs(Power.SEE, fresh=True)
    def recovery_codes() -> ResponseReturnValue:
        if not second_factor.is_set_up(current_user):
            abort(404)
        with runtime().db.write() as db:
            staff = db.get_one(Staff, current_user.id, with_for_update=True)
            codes = second_factor.renew_recovery_codes(runtime().vault, staff)
            record(db, "staff.recovery-codes", staff.id)
        return render_template("staff/recovery_codes.html", codes=codes, onward=page_url("me.show"))

    @part.post("/language")
    @needs(Power.SEE)
    def speak() -> ResponseReturnValue:
        wanted = request.form.get("language", "")
        brand = runtime().settings.brand
        if wanted not in brand.languages:
            return _page({"language": gettext("Choose a language")}), 422
        with runtime().db.write() as db:
            staff = db.get_one(Staff, current_user.id)
            if staff.language != wanted:
                staff.language = wanted
                record(db, "staff.language", staff.id, language=wanted)
        return redirect(f"{brand.prefix(wanted)}/staff/me")

    @part.post("/end-sessions")
    @needs(Power.SEE)
    def end_sessions() -> ResponseReturnValue:
        with runtime().db.write() as db:
            _end_others(db.get_one(Staff, current_user.id))
            record(db, "staff.end-sessions", current_user.id)
        return redirect(page_url("me.show", done="sessions"))

    return part


def _change_password() -> ResponseReturnValue:
    """Asks for the old one; ends all other sessions."""
    hashed = current_user.password
    if not hashed:
        abort(404)
    if not verify_password(request.form.get("old", "")[:1000], hashed):
        return _page({"old": gettext("This is not your password")}), 422
    try:
        chosen = checked_password(
            request.form.get("password", ""), request.form.get("again", ""), current_user.email
        )
    except PasswordError as error:
        return _page({error.field: gettext(error.text, **error.values)}), 422
    new_hash = hash_password(chosen)
    with runtime().db.write() as db:
        staff = db.get_one(Staff, current_user.id, with_for_update=True)
        staff.password = new_hash
        _end_others(staff)
        record(db, "staff.password", staff.id)
    return redirect(page_url("me.show", done="password"))


def _end_others(staff: Staff) -> None:
    """Every session of this account ends but the one of this browser."""
    staff.fs_uniquifier = secrets.token_hex(32)
    session["_user_id"] = staff.fs_uniquifier


def _page(errors: dict[str, str]) -> str:
    with runtime().db.read() as db:
        staff = db.get_one(Staff, current_user.id)
        limits = scope.topics_of_scope(db, staff.id)
        topics = [topic.name(language()) for topic in all_topics(db) if topic.id in limits]
    roles = accounts.role_names(staff)
    return render_template(
        "staff/me.html",
        staff=staff,
        roles=roles,
        powers=[one for one in Power if one in powers_of(roles)],
        topics=topics,
        has_code=second_factor.is_set_up(staff),
        codes_left=len(staff.mf_recovery_codes or ()),
        languages=[(one, _own_name(one)) for one in runtime().settings.brand.languages],
        done=request.args.get("done") if not errors else None,
        errors=errors,
        ROLE=ROLE,
        POWER=POWER,
    )


def _own_name(code: str) -> str:
    name = Locale.parse(code).get_language_name(code) or code
    return name[:1].upper() + name[1:]
