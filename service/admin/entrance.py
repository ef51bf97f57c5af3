"""What follows the password: the code, its set-up, a first password, and being asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user, hash_password, verify_password

from service import acts, pages
from service.acts import Actor
from service.admin import first_link, second_factor, sessions
from service.admin.access import needs
from service.admin.passwords import PasswordError, checked_password
from service.admin.powers import Power
from service.admin.sign_in import (
    PER_CLIENT,
    PER_CODE,
    account_of,
    ask_to_sign_in,
    enter,
    inner_path,
    sign_in_url,
)
from service.db import utcnow
from service.limits import client
from service.logs import get_logger
from service.models import Staff, Via
from service.pages import page_url, runtime
from service.security_headers import keep_private

log = get_logger(__name__)
OFFERED = "staff_offered"  # the secret of the app that is being set up, sealed
Problems = dict[str, str]


def blueprint() -> Blueprint:
    """The steps of a sign-in; each refuses whoever has not done the one before."""
    part = Blueprint("entrance", __name__, url_prefix="/staff")

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    _add(part, "/code", "code", _code)
    _add(part, "/set-up", "set_up", _set_up)
    _add(part, "/first", "first", _first)

    @part.route("/confirm", methods=["GET", "POST"])
    @needs(Power.SEE)
    def confirm() -> ResponseReturnValue:
        return _limited(_confirm, lambda: str(current_user.id))

    @part.route("/second-factor", methods=["GET", "POST"])
    @needs(Power.SEE, fresh=True)
    def renew() -> ResponseReturnValue:
        return _limited(_renew, lambda: str(current_user.id))

    return part


def _add(part: Blueprint, rule: str, name: str, view: Callable[[], ResponseReturnValue]) -> None:
    def limited() -> ResponseReturnValue:
        return _limited(view, lambda: (sessions.pending() or (client(),))[0])

    part.add_url_rule(rule, name, limited, methods=["GET", "POST"])


def _limited(
    view: Callable[[], ResponseReturnValue], who: Callable[[], str]
) -> ResponseReturnValue:
    """Codes of one account, and of one client, are tried so often an hour and no more."""
    if request.method != "POST":
        return view()
    limits = pages.limits_of(current_app)
    guarded = limits.guard(view, PER_CODE, "staff-code", who)
    return limits.guard(guarded, PER_CLIENT, "staff-code-client")()


def _pending() -> tuple[Staff, str | None] | None:
    """Whose password was right, read anew, and where they wanted to go."""
    found = sessions.pending()
    user = account_of(found[0]) if found else None
    return (user, found[1]) if found and user is not None and user.active else None


def _code() -> ResponseReturnValue:
    waiting = _pending()
    if waiting is None or not second_factor.is_set_up(waiting[0]):
        return ask_to_sign_in()
    if request.method == "GET":
        return render_template("staff/code.html", errors={})
    user, wanted = waiting
    if not _used(user):
        return render_template("staff/code.html", errors=_wrong_code()), 422
    return enter(user, wanted, "totp")


def _used(user: Staff) -> bool:
    """Use up the code of this form. A recovery code leaves its line in the log of acts."""
    with runtime().db.write() as db:
        kind = second_factor.use(
            db, runtime().vault, user.id, request.form.get("code", "")[:100], utcnow()
        )
        if kind == "recovery":
            _record(db, user, "staff.recovery-code")
    if kind is None:
        log.warning("second factor refused", staff_id=user.id)
    return kind is not None


def _wrong_code() -> Problems:
    return {"code": gettext("This code is wrong, too old or used already. Enter the next one.")}


def _set_up() -> ResponseReturnValue:
    waiting = _pending()
    if waiting is None or second_factor.is_set_up(waiting[0]):
        return ask_to_sign_in()
    user, wanted = waiting
    secret = offered_secret()
    values = shown(user, secret)
    if request.method == "GET":
        return render_template("staff/set_up.html", errors={}, **values)
    codes = take_up(user, secret, replaces=False)
    if codes is None:
        return render_template(
            "staff/set_up.html", errors=_wrong_code(), **shown(user, secret)
        ), 422
    onward = enter(user, wanted, "totp").location
    return render_template("staff/recovery_codes.html", codes=codes, onward=onward)


def _renew() -> ResponseReturnValue:
    """Another app in place of the one before, or a first one where none was asked for."""
    if current_user.oidc_subject is not None:
        abort(404)
    secret = offered_secret()
    values = {**shown(current_user, secret), "renews": True}
    if request.method == "GET":
        return render_template("staff/set_up.html", errors={}, **values)
    codes = take_up(current_user, secret, replaces=True)
    if codes is None:
        return render_template("staff/set_up.html", errors=_wrong_code(), **values), 422
    return render_template("staff/recovery_codes.html", codes=codes, onward=page_url("me.show"))


def offered_secret() -> str:
    """The secret that this browser is shown until its app knows it; sealed in the session."""
    vault = runtime().vault
    if OFFERED not in session:
        session[OFFERED] = vault.encrypt(second_factor.new_secret())
    return vault.decrypt(session[OFFERED])


def shown(user: Staff, secret: str) -> dict[str, Any]:
    """What the set-up shows of a secret: the QR code and the key."""
    issuer = f"Tellal {runtime().settings.city_name}"
    address = second_factor.key_address(secret, user.email, issuer)
    return {"code": second_factor.drawn(address), "key": second_factor.grouped(secret)}


def take_up(user: Staff, secret: str, *, replaces: bool) -> list[str] | None:
    """Keep the secret whose code this form holds; returns recovery codes, or None for no match."""
    step = second_factor.matching_step(secret, request.form.get("code", "")[:100], utcnow())
    if step is None:
        return None
    with runtime().db.write() as db:
        staff = db.get_one(Staff, user.id, with_for_update=True)
        if second_factor.is_set_up(staff) and not replaces:
            return None  # another window was quicker
        codes = second_factor.enrol(runtime().vault, staff, secret, step)
        _record(db, user, "staff.second-factor")
    session.pop(OFFERED, None)
    return codes


def _first() -> ResponseReturnValue:
    """Choose a password by the link that an administrator gave. Opening it changes nothing."""
    token = request.values.get("token", "")[:200]
    with runtime().db.read() as db:
        staff = first_link.owner(db, runtime().vault, token, utcnow())
    if staff is None:
        return render_template("staff/first.html", token=None, errors={}), 410
    if request.method == "GET":
        return render_template("staff/first.html", token=token, staff=staff, errors={})
    try:
        password = checked_password(
            request.form.get("password", ""), request.form.get("again", ""), staff.email
        )
    except PasswordError as error:
        errors = {error.field: gettext(error.text, **error.values)}
        return render_template("staff/first.html", token=token, staff=staff, errors=errors), 422
    hashed = hash_password(password)
    with runtime().db.write() as db:
        if first_link.use(db, runtime().vault, token, hashed, utcnow()) is None:
            return render_template("staff/first.html", token=None, errors={}), 410
        _record(db, staff, "staff.password")
    return redirect(sign_in_url())


def _confirm() -> ResponseReturnValue:
    wanted = inner_path(request.values.get("next"))
    values = {
        "wanted": wanted or "",
        "has_code": second_factor.is_set_up(current_user),
        "by_city": current_user.oidc_subject is not None,
    }
    if request.method == "GET":
        return render_template("staff/confirm.html", errors={}, **values)
    if not _has_proved():
        log.warning("confirmation refused", staff_id=current_user.id)
        errors = {"password": gettext("The password or the code is wrong")}
        return render_template("staff/confirm.html", errors=errors, **values), 422
    sessions.confirm()
    return redirect(wanted or page_url("today.show"))


def _has_proved() -> bool:
    """Whether this form holds the password, and a code where there is a second factor."""
    hashed = current_user.password
    password = request.form.get("password", "")[:1000]
    if not hashed or not verify_password(password, hashed):
        return False
    return not second_factor.is_set_up(current_user) or _used(current_user)


def _record(db: Any, user: Staff, act: str) -> None:
    actor = Actor(user.id, Via.PAGE, g.get("request_id", ""))
    acts.record(db, runtime().vault, actor, act, user.id)
