"""Accounts of the staff as administrators see and change them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import account_acts, accounts, scope
from service.admin.access import needs, record
from service.admin.accounts import ALL_POWERS, AccountError
from service.admin.powers import POWERS, Power
from service.admin.words import ROLE
from service.models import Staff
from service.pages import page_url, row_number, runtime
from service.subscriptions.choices import all_topics

PAGE_SIZE = 50


def blueprint() -> Blueprint:
    """For administrators; each change asks for a fresh sign-in."""
    part = Blueprint("accounts", __name__, url_prefix="/staff/accounts")

    @part.get("")
    @needs(Power.STAFF)
    def index() -> str:
        after = request.args.get("after", 0, type=row_number)
        query = select(Staff).where(Staff.id > after).order_by(Staff.id).limit(PAGE_SIZE + 1)
        with runtime().db.read() as session:
            found = session.scalars(query).all()
        more = found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None
        lines = [(one, accounts.role_names(one)) for one in found[:PAGE_SIZE]]
        return render_template(
            "staff/accounts.html", lines=lines, more=more, after=after, ROLE=ROLE
        )

    @part.get("/new")
    @needs(Power.STAFF, fresh=True)
    def new() -> str:
        return _form({}, "", [])

    @part.post("")
    @needs(Power.STAFF, fresh=True)
    def add() -> ResponseReturnValue:
        email, roles = request.form.get("email", "")[:300], request.form.getlist("roles")
        try:
            with runtime().db.write() as session:
                staff = accounts.add_staff(session, email, None, roles)
                record(session, "staff.add", staff.id, roles=roles)
        except AccountError as error:
            return _form(_problem(error), email, roles), 422
        return _link_page(staff)

    @part.get("/<int:staff_id>")
    @needs(Power.STAFF)
    def show(staff_id: int) -> str:
        return _page(staff_id)

    _add_acts(part)
    return part


def _add_acts(part: Blueprint) -> None:
    for name in account_acts.ACTS:
        _add_act(part, name)

    @part.post("/<int:staff_id>/link")
    @needs(Power.STAFF, fresh=True)
    def link(staff_id: int) -> ResponseReturnValue:
        return _act(staff_id, "link") or _link_page(_read(staff_id))


def _add_act(part: Blueprint, name: str) -> None:
    if name == "link":
        return

    @part.post(f"/<int:staff_id>/{name}", endpoint=name.replace("-", "_"))
    @needs(Power.STAFF, fresh=True)
    def act(staff_id: int) -> ResponseReturnValue:
        return _act(staff_id, name) or redirect(page_url("accounts.show", staff_id=staff_id))


def _act(staff_id: int, name: str) -> ResponseReturnValue | None:
    """Do one act of the table; the page with its problem, or None where it is done."""
    try:
        with runtime().db.write() as session:
            staff = _get(session, staff_id)
            account_acts.do(session, name, staff, request.form.getlist, ALL_POWERS, record)
    except AccountError as error:
        return _page(staff_id, _problem(error)), 422
    return None


def _problem(error: AccountError) -> dict[str, str]:
    return {error.field or "acts": gettext(error.text, **error.values)}


def _form(errors: dict[str, str], email: str, roles: list[str]) -> str:
    values: dict[str, Any] = {"email": email, "wanted": roles, "ROLE": ROLE, "POWERS": POWERS}
    return render_template("staff/account_new.html", errors=errors, **values)


def _page(staff_id: int, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        staff = _get(session, staff_id)
        topics, limits = all_topics(session), scope.topics_of_scope(session, staff_id)
    return render_template(
        "staff/account.html",
        staff=staff,
        roles=accounts.role_names(staff),
        topics=topics,
        limits=limits,
        errors=errors or {},
        ROLE=ROLE,
    )


def _link_page(staff: Staff) -> str:
    """The link by which this person chooses a password: shown this once."""
    return render_template(
        "staff/account_link.html", staff=staff, link=account_acts.link_of(runtime(), staff)
    )


def _read(staff_id: int) -> Staff:
    with runtime().db.read() as session:
        return _get(session, staff_id)


def _get(session: Session, staff_id: int) -> Staff:
    staff = session.get(Staff, staff_id)
    if staff is None:
        abort(404)
    return staff
