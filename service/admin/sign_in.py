"""Sign-in of staff: Flask-Security with local accounts, and our own pages around it.

There is no registration, no mailed reset and no "remember me": an administrator adds people. A
right password leads on to the second factor (`entrance`), which completes the sign-in (`enter`).
Flask-Security reads accounts through a session that never takes SQLite's writer lock, so a page
never waits for a worker.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Response, after_this_request, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import user_logged_out
from flask_login.utils import _user_context_processor
from flask_security import LoginForm, MailUtil, Security, SQLAlchemySessionUserDatastore
from flask_security.signals import user_authenticated
from flask_security.tf_plugin import TfPluginBase
from flask_security.utils import get_message, login_user
from flask_security.views import login as login_view
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from service import acts, pages
from service.acts import Actor
from service.admin import second_factor, sessions
from service.db import READ_ONLY, utcnow
from service.ledger.alarms import raise_alarm
from service.limits import client
from service.logs import get_logger
from service.models import AlarmKind, Role, Staff, Via
from service.pages import language, page_url, runtime
from service.security_headers import keep_private
from service.subscriptions.addresses import AddressError, normalise_email

log = get_logger(__name__)

PER_ACCOUNT_AND_CLIENT = "11 per hour"
PER_ACCOUNT = "60 per hour"  # far above a person's slips, far below a guesser's needs
PER_CLIENT = "100 per hour"  # over all accounts, from one address
PER_CODE = "20 per hour"  # of one account: a guess hits with 3 in a million (three codes count)
MIN_PASSWORD = 12
MAX_PASSWORD = 128


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


class StaffLoginForm(LoginForm):
    """Where the city's own sign-in is on, a password opens the break-glass account alone."""

    def validate(self, **options: Any) -> bool:
        if not super().validate(**options):
            return False
        if runtime().settings.oidc_issuer and not cast(Staff, self.user).is_break_glass:
            self.email.errors = [get_message("GENERIC_AUTHN_FAILED")[0]]
            return False
        return True


class SecondStep(TfPluginBase):
    """What Flask-Security does once a password was right: our own pages take over."""

    def create_blueprint(self, app: Any, bp: Any, state: Any) -> None:
        """No routes of its own."""

    def get_setup_methods(self, user: Any) -> list[tuple[str, str]]:
        return []

    def tf_login(self, user: Any, json_payload: dict[str, Any], next_loc: str | None) -> Any:
        """To the code, to the set-up, or, where neither is asked for, in."""
        wanted = inner_path(next_loc)
        if not second_factor.is_set_up(user) and not is_required(user):
            return enter(user, wanted, "password")
        session.clear()
        sessions.set_pending(user.fs_uniquifier, wanted)
        step = "entrance.code" if second_factor.is_set_up(user) else "entrance.set_up"
        return redirect(page_url(step))


def is_required(user: Staff) -> bool:
    """Whether this account must have a second factor; that for emergencies must in any case."""
    return runtime().settings.staff_second_factor == "required" or user.is_break_glass


def register(app: APIFlask) -> None:
    """Set up Flask-Security under `/staff`."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=sessions.LIFE_S),
        SECURITY_URL_PREFIX="/staff",
        SECURITY_POST_LOGIN_VIEW="/staff/",
        SECURITY_POST_LOGOUT_VIEW="/staff/login",
        SECURITY_LOGIN_USER_TEMPLATE="staff/sign_in.html",
        SECURITY_LOGOUT_USER_TEMPLATE="staff/sign_out.html",
        SECURITY_LOGOUT_CSRF=True,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_RETURN_GENERIC_RESPONSES=True,  # no word on whether an account exists
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_FRESHNESS=timedelta(seconds=-1),  # `sessions.is_fresh` says it
        # Its own pages for a second factor have no limits, no Turkish, and let a code count twice;
        # so that feature stays off, and what follows a password is ours.
        SECURITY_TWO_FACTOR_REQUIRED=True,
        SECURITY_TWO_FACTOR_IMPLEMENTATIONS={"code": f"{__name__}.SecondStep"},
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
        login_form=StaffLoginForm,
    )
    security.support_mfa = True  # so that `SecondStep` is asked
    security.unauthn_handler(ask_to_sign_in)
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
        if request.method != "POST":
            return current_app.ensure_sync(login_view)()  # type: ignore[no-any-return]
        answer = current_app.make_response(current_app.ensure_sync(guarded)())
        if answer.status_code == 200:  # the form again
            log.warning("sign-in refused", account=_account_key()[:12], client=client())
        return answer

    app.view_functions["security.login"] = sign_in
    brand = pages.runtime_of(app).settings.brand
    for other in brand.languages[1:]:
        rule = f"{brand.prefix(other)}/staff/login"
        app.add_url_rule(rule, f"sign_in_{other}", sign_in, methods=["GET", "POST"])


def sign_in_url(**values: Any) -> str:
    """The sign-in page in the language of this request."""
    is_other = runtime().settings.brand.prefix(language())
    return url_for(f"sign_in_{language()}" if is_other else "security.login", **values)


def ask_to_sign_in(mechanisms: Any = None, headers: Any = None) -> Response:
    """Send an unknown visitor to the form, and back afterwards."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(sign_in_url(next=wanted))  # type: ignore[return-value]


def account_of(uniquifier: str) -> Staff | None:
    """The account that a session names; null where its sessions were ended."""
    found = current_app.extensions["security"].datastore.find_user(fs_uniquifier=uniquifier)
    return cast("Staff | None", found)


def inner_path(text: str | None) -> str | None:
    """An address of the staff's pages on this site, or None: nothing leads to other sites."""
    if not text or not text.isascii() or not text.isprintable() or "\\" in text:
        return None
    parts, brand = urlsplit(text), runtime().settings.brand
    homes = {f"{brand.prefix(one)}/staff/" for one in brand.languages}
    if parts.scheme or parts.netloc or text.startswith("//"):
        return None
    return text if any(f"{parts.path}/".startswith(home) for home in homes) else None


def enter(user: Staff, wanted: str | None, by: str, proved_at: int | None = None) -> Response:
    """Complete a sign-in, and lead where the person wanted; `proved_at` as of `sessions.begin`.

    What the session held before is dropped, so nobody can plant any of it.
    """
    session.clear()
    login_user(user, remember=False, authn_via=[by])
    sessions.begin(proved_at)
    home = f"{runtime().settings.brand.prefix(user.language)}/staff/"
    return redirect(wanted or home)  # type: ignore[return-value]


def _record_sign_in(
    _app: object, user: Staff, authn_via: list[str] | None = None, **_more: object
) -> None:
    with runtime().db.write() as session:
        now = utcnow()
        session.get_one(Staff, user.id).last_sign_in_at = now
        _record(session, user, "staff.sign-in", by=(authn_via or ["password"])[0])
        if user.is_break_glass:
            text = f"Account {user.id} signed in, which is for emergencies."
            raise_alarm(session, AlarmKind.BREAK_GLASS, int(now.timestamp()), text, now)


def _end_sessions(_app: object, user: Staff, **_more: object) -> None:
    """The cookie is the session: a copy of it must not outlive the sign-out."""
    with runtime().db.write() as session:
        session.get_one(Staff, user.id).fs_uniquifier = secrets.token_hex(32)
        _record(session, user, "staff.sign-out")


def _record(session: Session, user: Staff, act: str, **detail: str) -> None:
    actor = Actor(user.id, Via.PAGE, g.get("request_id", ""))
    acts.record(session, runtime().vault, actor, act, user.id, **detail)


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
