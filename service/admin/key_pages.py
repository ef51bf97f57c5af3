"""API keys: everybody makes and revokes their own, administrators see and revoke all."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user
from sqlalchemy import select

from service.admin import keys
from service.admin.access import has_power, needs, record
from service.admin.keys import RefusedKey
from service.admin.powers import Power, powers_of
from service.admin.words import POWER
from service.db import utcnow
from service.models import ApiKey, Staff
from service.pages import page_url, row_number, runtime

PAGE_SIZE = 50
USUAL_DAYS = "90"


def blueprint() -> Blueprint:
    """A key stands for the person who made it, with some of that person's powers."""
    part = Blueprint("api_keys", __name__, url_prefix="/staff/api-keys")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        before = request.args.get("before", type=row_number)
        sees_all = has_power(Power.STAFF) and request.args.get("whose") == "all"
        query = select(ApiKey, Staff.email).join(Staff, Staff.id == ApiKey.staff_id)
        if not sees_all:
            query = query.where(ApiKey.staff_id == current_user.id)
        if before is not None:
            query = query.where(ApiKey.id < before)
        with runtime().db.read() as session:
            found = session.execute(query.order_by(ApiKey.id.desc()).limit(PAGE_SIZE + 1)).all()
        lines = found[:PAGE_SIZE]
        older = lines[-1][0].id if len(found) > PAGE_SIZE else None
        values = {"lines": lines, "older": older, "sees_all": sees_all, "now": utcnow()}
        return render_template("staff/api_keys.html", POWER=POWER, **values)

    @part.get("/new")
    @needs(Power.SEE, fresh=True)
    def new() -> str:
        return _form({}, "", [], USUAL_DAYS)

    @part.post("")
    @needs(Power.SEE, fresh=True)
    def add() -> ResponseReturnValue:
        return _add()

    @part.post("/<int:key_id>/revoke")
    @needs(Power.SEE)
    def revoke(key_id: int) -> ResponseReturnValue:
        with runtime().db.write() as session:
            key = session.get(ApiKey, key_id)
            if key is None or not (key.staff_id == current_user.id or has_power(Power.STAFF)):
                abort(404)
            if keys.revoke(session, key_id, utcnow()):
                record(session, "key.revoke", key_id)
        whose = "all" if request.form.get("whose") == "all" else None
        return redirect(page_url("api_keys.index", whose=whose))

    return part


def _mine() -> frozenset[Power]:
    return powers_of([role.name for role in current_user.roles])


def _add() -> ResponseReturnValue:
    name, powers = request.form.get("name", "")[:200], request.form.getlist("powers")
    days = request.form.get("days", "")[:10]
    number = int(days) if days.isascii() and days.isdigit() else 0
    try:
        with runtime().db.write() as session:
            staff = session.get_one(Staff, current_user.id)
            key, secret = keys.make(
                session,
                runtime().vault,
                staff,
                name=name,
                powers=powers,
                days=number,
                ceiling=_mine(),
                now=utcnow(),
            )
            record(session, "key.add", key.id, powers=key.powers, expires=key.expires_at)
    except RefusedKey as error:
        errors = {error.field: gettext(error.text, **error.values)}
        return _form(errors, name, powers, days), 422
    return render_template("staff/api_key_made.html", key=key, secret=secret)


def _form(errors: dict[str, str], name: str, wanted: list[str], days: str) -> str:
    mine = [one for one in Power if one in _mine()]
    values = {"name": name, "wanted": wanted, "days": days, "mine": mine, "POWER": POWER}
    return render_template("staff/api_key_new.html", errors=errors, **values)
