"""Signing in through the city: away to the issuer, back with a code, in with the mapped roles."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask
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

from service import acts, pages
from service.acts import Actor
from service.admin import oidc_accounts
from service.admin.oidc import OidcError, Provider
from service.admin.oidc_accounts import Refused
from service.admin.sign_in import PER_CLIENT, account_of, enter, inner_path
from service.db import utcnow
from service.logs import get_logger
from service.models import Staff, Via
from service.pages import page_url, runtime
from service.security_headers import keep_private

log = get_logger(__name__)
STATE = "staff_oidc"
EXTENSION = "tellal-oidc"
WITHIN_S = 15 * 60


def register(app: APIFlask) -> None:
    """Keep the one provider, and offer its start to templates."""
    settings = pages.runtime_of(app).settings
    app.extensions[EXTENSION] = Provider(settings) if settings.oidc_issuer else None
    app.jinja_env.globals.update(oidc_start=start_address, has_oidc=bool(settings.oidc_issuer))


def start_address(wanted: str | None = None, again: bool = False) -> str:
    """Where a sign-in through the city starts; `again`: the issuer asks for the password too."""
    return page_url("oidc.start", next=wanted or None, again=1 if again else None)


def blueprint() -> Blueprint:
    """Not there unless an issuer is configured."""
    part = Blueprint("oidc", __name__, url_prefix="/staff/oidc")

    @part.after_request
    def private(response: Response) -> Response:
        return keep_private(response)

    @part.get("")
    def start() -> ResponseReturnValue:
        provider = _provider()
        kept = {
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(48),
            "wanted": inner_path(request.args.get("next")) or "",
            "at": str(int(utcnow().timestamp())),
        }
        try:
            away = provider.address(
                _callback_address(),
                kept["state"],
                kept["nonce"],
                kept["verifier"],
                again="again" in request.args,
            )
        except OidcError as error:
            return _refuse(str(error), _cannot_be_asked(), 503)
        session[STATE] = {**kept, "verifier": runtime().vault.encrypt(kept["verifier"])}
        return redirect(away)

    @part.get("/callback")
    def callback() -> ResponseReturnValue:
        limits = pages.limits_of(current_app)
        return limits.guard(_callback, PER_CLIENT, "staff-oidc")()

    return part


def _callback() -> ResponseReturnValue:
    """Believe nothing that does not belong to the sign-in which this browser has begun."""
    provider, kept = _provider(), session.pop(STATE, None)
    if not isinstance(kept, dict) or not _belongs(kept):
        text = gettext("This sign-in was not begun in this browser, or too long ago. Start again.")
        return _refuse("state", text, 400)
    if "error" in request.args:
        return _refuse(f"issuer: {request.args['error'][:50]}", _not_signed_in(), 403)
    try:
        claims = provider.claims(
            request.args.get("code", "")[:4000],
            _callback_address(),
            kept["nonce"],
            runtime().vault.decrypt(kept["verifier"]),
        )
        staff_id = _admitted(claims)
    except OidcError as error:
        return _refuse(str(error), _not_signed_in(), 403)
    except Refused as error:
        return _refuse(error.text, gettext(error.text), 403)
    with runtime().db.read() as db:
        staff = db.get_one(Staff, staff_id)
    user = account_of(staff.fs_uniquifier)
    assert user is not None
    proved = claims.get("auth_time")
    return enter(user, kept["wanted"] or None, "oidc", proved if isinstance(proved, int) else 0)


def _belongs(kept: dict[str, str]) -> bool:
    age = utcnow().timestamp() - int(kept["at"])
    given = request.args.get("state", "").encode()
    return age <= WITHIN_S and hmac.compare_digest(given, kept["state"].encode())


def _admitted(claims: Mapping[str, Any]) -> int:
    """The account of who came, made or renewed; what changed is noted under its own name."""
    with runtime().db.write() as db:
        staff, changes = oidc_accounts.admit(db, runtime().settings, claims)
        actor = Actor(staff.id, Via.PAGE, g.get("request_id", ""))
        for act, detail in changes:
            acts.record(db, runtime().vault, actor, act, staff.id, **detail)
        return staff.id


def _provider() -> Provider:
    provider: Provider | None = current_app.extensions[EXTENSION]
    if provider is None:
        abort(404)
    return provider


def _callback_address() -> str:
    return f"{runtime().settings.public_url}/staff/oidc/callback"


def _cannot_be_asked() -> str:
    return str(gettext("The city’s sign-in does not answer. Try again in a few minutes."))


def _not_signed_in() -> str:
    return str(gettext("The city’s sign-in did not confirm who you are. Start again."))


def _refuse(reason: str, text: str, status: int) -> ResponseReturnValue:
    log.warning("sign-in through the city refused", reason=reason[:300])
    return render_template("staff/oidc_refused.html", text=text), status
