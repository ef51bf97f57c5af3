"""Sign-in of staff: Flask-Security with local accounts, and our own pages around it.

There is no registration, no mailed reset and no "remember me": an administrator adds people with
`tellal staff add`. Flask-Security reads accounts through a session that never takes SQLite's
writer lock, so a page never waits for a worker.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from apiflask import APIFlask
from flask import Response, after_this_request, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import user_logged_out
from flask_login.utils import _user_context_processor
from flask_security import MailUtil, Security, SQLAlchemySessionUserDatastore
from flask_security.signals import user_authenticated
from flask_security.utils import get_message
from flask_security.views import login as login_view
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from service import acts, pages
from service.acts import Actor
from service.db import READ_ONLY, utcnow
from service.limits import client
from service.models import Role, Staff, Via
from service.pages import language, runtime
from service.security_headers import keep_private
from service.subscriptions.addresses import AddressError, normalise_email

PER_ACCOUNT_AND_CLIENT = "11 per hour"
PER_ACCOUNT = "60 per hour"  # far above a person's slips, far below a guesser's needs
PER_CLIENT = "100 per hour"  # over all accounts, from one address
MIN_PASSWORD = 12
SESSION_LIFE = timedelta(hours=12)  # from signing in, however busy: a working day


def account_address(text: str) -> str:
    """The spelling under which an account is stored and found; it holds ASCII letters only.

    Raises:
        AddressError: no address.
    """
    return normalise_email(text).lower()


class StaffAddresses(MailUtil):
    """Reads addresses as the rest of Tellal does, without asking any name server."""

    def normalize(self, email: str) -> str:
        try:
            return account_address(email)
        except AddressError as error:
            raise ValueError(get_message("INVALID_EMAIL_ADDRESS")[0]) from error

    validate = normalize


def register(app: APIFlask) -> None:
    """Set up Flask-Security under `/staff`."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=SESSION_LIFE,
        SECURITY_URL_PREFIX="/staff",
        SECURITY_POST_LOGIN_VIEW="/staff/",
        SECURITY_POST_LOGOUT_VIEW="/staff/login",
        SECURITY_LOGIN_USER_TEMPLATE="staff/sign_in.html",
        SECURITY_LOGOUT_USER_TEMPLATE="staff/sign_out.html",
        SECURITY_LOGOUT_CSRF=True,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_RETURN_GENERIC_RESPONSES=True,  # no word on whether an account exists
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_FRESHNESS=timedelta(seconds=-1),  # there is no page that asks again
        SECURITY_STATIC_FOLDER=None,  # its scripts are for features that are off
        SECURITY_CACHE_CONTROL=None,  # `keep_private` says it
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a method
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        # argon2 salts by itself; a second hash keyed by TELLAL_SECRET_KEY would lock everybody
        # out when that key rotates.
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_PASSWORD_LENGTH_MIN=MIN_PASSWORD,
    )
    runtime_ = pages.runtime_of(app)
    engine = runtime_.db.engine.execution_options(**{READ_ONLY: True})
    accounts = scoped_session(sessionmaker(engine, expire_on_commit=False))
    security = Security(
        app,
        SQLAlchemySessionUserDatastore(accounts, Staff, Role),
        mail_util_cls=StaffAddresses,
    )
    security.unauthn_handler(_ask_to_sign_in)
    _leave_public_pages_alone(app)
    _look_at_accounts_only_where_asked(app, security)
    _limit_guessing(app)

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        accounts.remove()

    user_authenticated.connect(_record_sign_in, app)
    user_logged_out.connect(_end_sessions, app)


def _look_at_accounts_only_where_asked(app: APIFlask, security: Security) -> None:
    """Keep the extension away from requests that are not the staff's.

    It would read the session of every request (so that no answer could be cached) and parse every
    JSON body in search of a token, before the door has checked its size and signature.
    """
    security.principal.identity_loaders.clear()
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]


def _leave_public_pages_alone(app: APIFlask) -> None:
    """Take out two hooks of Flask-Login that look into the session on every page.

    One offers the account to every template, the other keeps "remember me" cookies fresh. With
    them each public page would say `Vary: Cookie`, so that no cache could keep it.
    """
    app.template_context_processors[None].remove(_user_context_processor)
    app.after_request_funcs[None].remove(app.login_manager._update_remember_cookie)  # type: ignore[attr-defined]


def _limit_guessing(app: APIFlask) -> None:
    """Put the sign-in form under limits, and under its address in every language."""
    limits = pages.limits_of(app)
    guarded = limits.guard(login_view, PER_ACCOUNT, "staff-account", _account_key)
    guarded = limits.guard(guarded, PER_CLIENT, "staff-client")
    guarded = limits.guard(
        guarded, PER_ACCOUNT_AND_CLIENT, "staff-account-client", _account_and_client_key
    )

    @app.doc(hide=True)
    def sign_in() -> ResponseReturnValue:
        after_this_request(_private)
        view = guarded if request.method == "POST" else login_view
        return current_app.ensure_sync(view)()  # type: ignore[no-any-return]

    app.view_functions["security.login"] = sign_in
    brand = pages.runtime_of(app).settings.brand
    for other in brand.languages[1:]:
        rule = f"{brand.prefix(other)}/staff/login"
        app.add_url_rule(rule, f"sign_in_{other}", sign_in, methods=["GET", "POST"])


def sign_in_url(**values: Any) -> str:
    """The sign-in page in the language of this request."""
    is_other = runtime().settings.brand.prefix(language())
    return url_for(f"sign_in_{language()}" if is_other else "security.login", **values)


def _ask_to_sign_in(mechanisms: Any = None, headers: Any = None) -> Response:
    """Send an unknown visitor to the form, and back afterwards."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(sign_in_url(next=wanted))  # type: ignore[return-value]


def _record_sign_in(_app: object, user: Staff, **_more: object) -> None:
    with runtime().db.write() as session:
        session.get_one(Staff, user.id).last_sign_in_at = utcnow()
        _record(session, user, "staff.sign-in")


def _end_sessions(_app: object, user: Staff, **_more: object) -> None:
    """The cookie is the session: a copy of it must not outlive the sign-out."""
    with runtime().db.write() as session:
        session.get_one(Staff, user.id).fs_uniquifier = secrets.token_hex(32)
        _record(session, user, "staff.sign-out")


def _record(session: Session, user: Staff, act: str) -> None:
    actor = Actor(user.id, Via.PAGE, g.get("request_id", ""))
    acts.record(session, runtime().vault, actor, act, user.id)


def _private(response: Response) -> Response:
    return keep_private(response)


def _account_key() -> str:
    """The account that the form names, however it is spelt; all that name none share one key."""
    try:
        account = account_address(request.form.get("email", ""))
    except AddressError:
        account = ""
    return runtime().vault.keyed_hash("sign-in", account)


def _account_and_client_key() -> str:
    return f"{_account_key()}:{client()}"
