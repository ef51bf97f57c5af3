"""What all pages share: language from the path, dates, forms' protection, error pages.

Turkish lives at `/…`, English at `/en/…`; both are the same views. A page is written once, with
English sentences that the Turkish catalogue translates.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Flask, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel, format_datetime, format_decimal, gettext
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException, InternalServerError

from service import security_headers
from service.limits import Limits
from service.logs import get_logger
from service.problems import is_api_request, problem_of
from service.runtime import Runtime
from service.settings import SettingsError

log = get_logger(__name__)
csrf = CSRFProtect()
ENGLISH = "/en"
# Codes that a person can meet; others get the page of 500.
ERROR_CODES = (400, 401, 403, 404, 405, 410, 413, 415, 429, 500, 503)


def register(app: APIFlask) -> None:
    """Set up what pages need. Call it before the parts that have pages.

    Raises:
        SettingsError: the Turkish catalogue has not been compiled.
    """
    _require_catalogue(Path(app.root_path) / "translations")
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_CHECK_DEFAULT=False,  # `protect_forms` chooses; the API has signatures instead
        WTF_CSRF_TIME_LIMIT=None,  # nobody loses a slowly filled-in form (WCAG 2.2.1)
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which our private pages forbid to send
    )
    csrf.init_app(app)
    Bootstrap5(app)
    settings = runtime_of(app).settings
    Babel(app, locale_selector=language, timezone_selector=lambda: settings.timezone)
    security_headers.register(app)
    for code in ERROR_CODES:
        app.register_error_handler(code, show_error)

    app.jinja_env.filters.update(number=format_decimal, score=_two_digits)

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {
            "language": language(),
            "city_name": settings.city_name,
            "page_url": page_url,
            "other_language_url": other_language_url(),
            "moment": format_moment,
        }


def register_pages(app: Flask, blueprint: Blueprint) -> None:
    """Register a part's pages in Turkish and, under `/en`, in English."""
    blueprint.register_error_handler(Exception, show_error)
    blueprint.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every part
    prefix = blueprint.url_prefix or ""
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name=f"{blueprint.name}_en", url_prefix=ENGLISH + prefix)


def protect_forms(blueprint: Blueprint) -> None:
    """Check the CSRF token of every POST to a part."""

    @blueprint.before_request
    def check() -> None:
        if request.method == "POST":
            csrf.protect()


def runtime() -> Runtime:
    """The runtime of the application that answers this request."""
    return runtime_of(current_app)


def runtime_of(app: Flask) -> Runtime:
    return cast(Runtime, app.extensions["tellal"])


def limits_of(app: Flask) -> Limits:
    """The rate limits of an application: one set of counters for all parts."""
    return runtime_of(app).limits


def language() -> str:
    """The language of this request's page."""
    path = request.path if request else ""
    return "en" if path == ENGLISH or path.startswith(ENGLISH + "/") else "tr"


def page_url(endpoint: str, **values: Any) -> str:
    """The address of a page in the language of this request."""
    if language() == "en":
        part, _, view = endpoint.partition(".")
        endpoint = f"{part}_en.{view}"
    return url_for(endpoint, **values)


def other_language_url() -> str:
    """This page in the other language, or its front page where this one has no address."""
    if request.url_rule is None or request.path.startswith("/static"):
        return "/" if language() == "en" else ENGLISH + "/"
    path = request.path
    path = path.removeprefix(ENGLISH) or "/" if language() == "en" else ENGLISH + path
    query = request.query_string.decode("ascii", "ignore") if request.method == "GET" else ""
    return f"{path}?{query}" if query else path


def format_moment(value: datetime | None) -> str:
    """A time as people of the city say it; nothing for none."""
    pattern = "EEEE d MMMM y, HH:mm" if language() == "en" else "d MMMM y EEEE, HH.mm"
    return str(format_datetime(value, pattern)) if value else ""


def _two_digits(value: float) -> str:
    return str(format_decimal(value, "0.00"))


def show_error(error: Exception) -> ResponseReturnValue:
    """Say what happened in our layout; machines keep getting problem details."""
    if not isinstance(error, HTTPException):
        log.exception("unexpected error")
        error = InternalServerError()
    if error.code is not None and error.code < 400:
        return error.get_response()  # a redirect that travels as an exception
    code = error.code if error.code in ERROR_CODES else 500
    if is_api_request():
        return problem_of(error).response()
    title, text = _error_words(error, code)
    response = current_app.make_response(
        (render_template("error.html", code=code, title=title, text=text), code)
    )
    response.headers["Cache-Control"] = "no-store"
    if code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(cast(Any, error).valid_methods)
    return response


def _error_words(error: HTTPException, code: int) -> tuple[str, str]:
    if isinstance(error, CSRFError):
        return (
            gettext("This form could not be checked"),
            gettext("Allow cookies for this site, go back, load the page again and send the form."),
        )
    if code in (404, 405, 410):
        return (
            gettext("Page not found"),
            gettext("If you typed the address, check it. If you opened a link, copy all of it."),
        )
    if code == 403:
        return (
            gettext("You may not do this"),
            gettext("Your account lacks the role for it. Ask an administrator."),
        )
    if code == 429:
        return (
            gettext("Too many requests"),
            gettext("Nothing is wrong with your form. Wait a while, then send it again."),
        )
    if code in (500, 503):
        return (
            gettext("Sorry, something broke on our side"),
            gettext("Try again in a few minutes. What you had confirmed before is safe."),
        )
    return (
        gettext("This request could not be understood"),
        gettext("Go back, load the page again and try once more."),
    )


def _require_catalogue(folder: Path) -> None:
    if not (folder / "tr" / "LC_MESSAGES" / "messages.mo").exists():
        raise SettingsError(
            "The Turkish texts are not compiled. Run: pybabel compile -d service/translations"
        )
