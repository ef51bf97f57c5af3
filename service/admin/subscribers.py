"""Subscribers as the privacy officer sees them: found by exact address alone, and helped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from service.admin import looking, people_acts, words
from service.admin.access import me, needs
from service.admin.looking import TooManyLooks
from service.admin.people_acts import NotNow
from service.admin.powers import Power
from service.db import utcnow
from service.pages import page_url, runtime
from service.subscriptions import history, office
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.office import Found

MAX_FIELD = 320
DONE = {
    "resend": _("The confirmation mail is on its way."),
    "sign-in": _("The sign-in link is on its way."),
    "end": _("The subscriptions have ended."),
}
REFUSED = {
    people_acts.NOTHING_WAITS: _(
        "Nothing waits for a confirmation, or its person has asked for no more mail"
    ),
    people_acts.NOT_CONFIRMED: _(
        "This address was never confirmed, or its person has asked for no more mail"
    ),
    people_acts.NOTHING_LIVE: _("None of these subscriptions is live"),
    people_acts.NOT_SUPPRESSED: _("This address is not suppressed"),
    people_acts.SUPPRESSED_ALREADY: _("Its person has asked for no more mail already"),
    people_acts.GONE: _(
        "This person is gone: their data were erased, or nothing was known of them"
    ),
}


def blueprint() -> Blueprint:
    """Looking up, and what can be done for whoever is found."""
    part = Blueprint("subscribers", __name__, url_prefix="/staff/subscribers")

    @part.get("")
    @needs(Power.PEOPLE)
    def index() -> str:
        return _search()

    @part.post("")
    @needs(Power.PEOPLE)
    def look() -> ResponseReturnValue:
        return _look()

    @part.get("/person")
    @needs(Power.PEOPLE, fresh=True)
    def show() -> ResponseReturnValue:
        return _person(request.args.get("key", ""))

    @part.get("/gone")
    @needs(Power.PEOPLE)
    def gone() -> str:
        return render_template("staff/people_gone.html")

    _add_acts(part)
    return part


def _add_acts(part: Blueprint) -> None:
    @part.post("/resend")
    @needs(Power.PEOPLE)
    def resend() -> ResponseReturnValue:
        return _do("resend", people_acts.resend)

    @part.post("/sign-in-link")
    @needs(Power.PEOPLE)
    def send_sign_in() -> ResponseReturnValue:
        return _do("sign-in", people_acts.send_sign_in)

    @part.post("/end")
    @needs(Power.PEOPLE)
    def end() -> ResponseReturnValue:
        chosen = [int(text) for text in request.form.getlist("subscription") if _is_number(text)]
        if not chosen:
            return _person_with({"end": gettext("Select at least one subscription")})
        return _do("end", partial(people_acts.end, only=chosen))

    @part.post("/export")
    @needs(Power.PEOPLE, fresh=True)
    def export() -> ResponseReturnValue:
        destination_id, reason = _asked()
        if not reason:
            return _person_with({"export-reason": gettext("Write a reason")})
        try:
            made = people_acts.export(runtime(), me(), destination_id, reason)
        except NotNow as error:
            return _person_with({"export-reason": str(REFUSED[str(error)])})
        answer = Response(made.as_json(), mimetype="application/json")
        answer.headers["Content-Disposition"] = 'attachment; filename="tellal-data.json"'
        return answer

    @part.post("/erase")
    @needs(Power.PEOPLE, fresh=True)
    def erase() -> ResponseReturnValue:
        destination_id, reason = _asked()
        errors = {}
        if not reason:
            errors["erase-reason"] = gettext("Write a reason")
        if not _is_theirs(destination_id, request.form.get("address", "")):
            errors["address"] = gettext("Type the address of this person to erase their data")
        if errors:
            return _person_with(errors)
        try:
            people_acts.erase(runtime(), me(), destination_id, reason)
        except NotNow as error:
            return _person_with({"erase-reason": str(REFUSED[str(error)])})
        return redirect(page_url("subscribers.gone"), 303)


def _do(name: str, act: Callable[..., object]) -> ResponseReturnValue:
    """An act whose form asks for a reason; then the person's page again."""
    destination_id, reason = _asked()
    if not reason:
        return _person_with({f"{name}-reason": gettext("Write a reason")})
    try:
        act(runtime(), me(), destination_id, reason)
    except NotNow as error:
        return _person_with({f"{name}-reason": str(REFUSED[str(error)])})
    key = request.form.get("key", "")
    return redirect(page_url("subscribers.show", key=key, done=name), 303)


def _asked() -> tuple[int, str]:
    """Whom a form is about, and its reason; another look is asked for once the token is over."""
    found = looking.person_behind(runtime().vault, me(), request.form.get("key", ""))
    if found is None:
        abort(make_response(_search(is_over=True), 410))
    return found, office.reason_of(request.form.get("reason", ""))


def _is_theirs(destination_id: int, address: str) -> bool:
    try:
        hashed = address_hash(runtime().vault, "email", normalise_email(address[:MAX_FIELD]))
    except AddressError:
        return False
    with runtime().db.read() as session:
        return hashed == office.hash_of(session, destination_id)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def look_up(act: str, object_id: int | None = None) -> tuple[str, Found | None, dict[str, str]]:
    """The address of this form, what is known under it, and what is wrong with the form."""
    address = request.form.get("email", "")[:MAX_FIELD]
    try:
        return address, looking.look_up(runtime(), me(), address, act, object_id), {}
    except AddressError:
        return address, None, {"email": gettext("Enter it like name@example.com")}
    except TooManyLooks:
        text = gettext("You have looked up many people within an hour. Wait a while.")
        return address, None, {"email": text}


def _look() -> ResponseReturnValue:
    address, found, errors = look_up(looking.LOOK)
    if errors:
        return _search(address, errors), 422
    assert found is not None
    if found.destination_id is None:
        return _search(address, unknown=found)
    key = looking.token_for(runtime().vault, me(), found.destination_id)
    return redirect(page_url("subscribers.show", key=key), 303)


def _search(
    address: str = "",
    errors: dict[str, str] | None = None,
    unknown: Found | None = None,
    *,
    is_over: bool = False,
) -> str:
    return render_template(
        "staff/people.html",
        email=address,
        errors=errors or {},
        unknown=unknown,
        is_over=is_over,
        words=words,
    )


def _person_with(errors: dict[str, str]) -> ResponseReturnValue:
    return _person(request.form.get("key", ""), errors)


def _person(key: str, errors: dict[str, str] | None = None) -> ResponseReturnValue:
    found = looking.person_behind(runtime().vault, me(), key)
    if found is None:
        return _search(is_over=True), 410
    before = request.args.get("before", "")
    with runtime().db.read() as session:
        person = office.person(session, found)
        if person is None:
            return _search(is_over=True), 410
        names = history.names_of(session, found)
        page = history.page(
            session,
            list(names),
            since=utcnow() - history.SHOWN,
            before=int(before) if _is_number(before) else None,
            size=20,
        )
        main = next(one for one in person.addresses if one.id == found)
        known = office.find(session, runtime().vault, main.address) if main.address else None
        text = render_template(
            "staff/people_person.html",
            key=key,
            person=person,
            main=main,
            known=known,
            names=names,
            page=page,
            is_first=not before,
            errors=errors or {},
            done=DONE.get(request.args.get("done", "")),
            words=words,
        )
    return (text, 422) if errors else text
