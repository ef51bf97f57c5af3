"""What all pages share: language from the path, dates, forms' protection, error pages.

The first language of `config/brand.yaml` lives at `/…`, the others at `/en/…`, `/ar/…`; all are the
same views. A page is written once, with English sentences that the catalogues translate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from apiflask import APIFlask
from babel import Locale
from flask import Blueprint, Flask, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel, format_datetime, format_decimal, gettext
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, InternalServerError

from service import assets, security_headers
from service.brand import Brand
from service.limits import Limits
from service.logs import get_logger
from service.problems import is_api_request, problem_of
from service.runtime import Runtime
from service.setting_sources import SettingsError

log = get_logger(__name__)
csrf = CSRFProtect()
RIGHT_TO_LEFT = "right-to-left"
# Codes that a person can meet; others get the page of 500.
ERROR_CODES = (400, 401, 403, 404, 405, 410, 413, 415, 429, 500, 503)


def register(app: APIFlask) -> None:
    """Set up what pages need. Call it before the parts that have pages.

    Raises:
        SettingsError: the catalogue of a language is missing or has not been compiled.
    """
    settings = runtime_of(app).settings
    folders = (Path(app.root_path) / "translations", settings.config_dir / "translations")
    _require_catalogues(settings.brand.languages, folders)
    app.config.update(
        BABEL_TRANSLATION_DIRECTORIES=";".join(map(str, folders)),
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_CHECK_DEFAULT=False,  # `protect_forms` chooses; the API has signatures instead
        WTF_CSRF_TIME_LIMIT=None,  # nobody loses a slowly filled-in form (WCAG 2.2.1)
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which our private pages forbid to send
    )
    csrf.init_app(app)
    Bootstrap5(app)
    Babel(app, locale_selector=language, timezone_selector=lambda: settings.timezone)
    security_headers.register(app)
    files = assets.register(app, settings)
    for code in ERROR_CODES:
        app.register_error_handler(code, show_error)

    app.jinja_env.filters.update(
        number=format_decimal, score=_two_digits, language_name=name_of_language
    )

    @app.context_processor
    def shared() -> dict[str, Any]:
        spoken, brand = language(), settings.brand
        city, city_language = settings.city(spoken)
        service, service_language = brand.spoken(brand.service, spoken)
        postal, postal_language = brand.spoken(brand.postal, spoken)
        return {
            "language": spoken,
            "language_prefix": brand.prefix(spoken),
            "direction": _direction(spoken),
            "other_languages": list(other_languages()),
            "brand": brand,
            "assets": files,
            "city_name": city,
            "city_language": city_language,
            "service_name": service,
            "service_language": service_language,
            "postal": postal,
            "postal_language": postal_language,
            "page_url": page_url,
            "this_page": endpoint_without_language(),
            "moment": format_moment,
            "short_moment": format_short_moment,
            "day": format_day,
        }


def register_pages(app: Flask, blueprint: Blueprint) -> None:
    """Register a part's pages in the first language and, each under its prefix, in the others."""
    blueprint.register_error_handler(Exception, show_error)
    blueprint.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every part
    prefix, brand = blueprint.url_prefix or "", runtime_of(app).settings.brand
    app.register_blueprint(blueprint)
    for other in brand.languages[1:]:
        name = f"{blueprint.name}_{other}"
        app.register_blueprint(blueprint, name=name, url_prefix=brand.prefix(other) + prefix)


def protect_forms(blueprint: Blueprint) -> None:
    """Check the CSRF token of every POST to a part."""

    @blueprint.before_request
    def check() -> None:
        if request.method == "POST":
            csrf.protect()


def refuse_nul() -> None:
    """For `before_request` of a part that looks for any text it is given."""
    if holds_nul():
        abort(400)


def holds_nul() -> bool:
    """Whether an address or a form holds the character that PostgreSQL stores in no text; browsers
    send none."""
    texts = (request.path, *_texts(request.args), *_texts(request.form))
    return any("\0" in text for text in texts)


def _texts(values: MultiDict[str, str]) -> Iterator[str]:
    return (value for _, value in values.items(multi=True))


def row_number(text: str) -> int:
    """For `request.args.get(…, type=row_number)`: a number that a row can have.

    Raises:
        ValueError: it is none, so that the default counts.
    """
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError(text[:20])
    return number


def runtime() -> Runtime:
    """The runtime of the application that answers this request."""
    return runtime_of(current_app)


def runtime_of(app: Flask) -> Runtime:
    return cast(Runtime, app.extensions["tellal"])


def limits_of(app: Flask) -> Limits:
    """The rate limits of an application: one set of counters for all parts."""
    return runtime_of(app).limits


@dataclass(frozen=True)
class Translation:
    """The page in another language: its code, its own name for itself, direction and address."""

    language: str
    name: str
    direction: str
    url: str


def language() -> str:
    """The language of this request's page."""
    brand = _brand()
    first = request.path.split("/", 2)[1] if request else ""
    return first if brand.prefix(first) else brand.language


def page_url(endpoint: str, **values: Any) -> str:
    """The address of a page in the language of this request."""
    if _brand().prefix(spoken := language()):
        part, _, view = endpoint.partition(".")
        endpoint = f"{part}_{spoken}.{view}"
    return url_for(endpoint, **values)


def endpoint_without_language() -> str:
    """The endpoint of this request as `page_url` takes it; empty where there is none."""
    part, _, view = (request.endpoint or "").partition(".")
    return f"{part.removesuffix(f'_{language()}')}.{view}"


def other_languages() -> Iterator[Translation]:
    """This page in every other language."""
    for code in _brand().languages:
        if code != language():
            yield Translation(code, name_of_language(code), _direction(code), _url_in(code))


def name_of_language(code: str) -> str:
    """A language's own name for itself."""
    name = Locale.parse(code).get_language_name(code) or code
    return name[:1].upper() + name[1:]


def _url_in(code: str) -> str:
    """This page in a language, or its front page where this one has no address of its own."""
    own, other = _brand().prefix(language()), _brand().prefix(code)
    if request.url_rule is None or request.path.startswith(("/static", "/assets")):
        return f"{other}/"
    path = other + (request.path.removeprefix(own) or "/")
    query = request.query_string.decode("ascii", "ignore") if request.method == "GET" else ""
    return f"{path}?{query}" if query else path


def _direction(code: str) -> str:
    return "rtl" if Locale.parse(code).character_order == RIGHT_TO_LEFT else "ltr"


def _brand() -> Brand:
    return runtime().settings.brand


def format_moment(value: datetime | None) -> str:
    """A time as people of the city say it; nothing for none."""
    pattern = "d MMMM y EEEE, HH.mm" if language() == "tr" else "EEEE d MMMM y, HH:mm"
    return str(format_datetime(value, pattern)) if value else ""


def format_short_moment(value: datetime | None, *, seconds: bool = False) -> str:
    """A time as it stands in a table: to the minute, or to the second; nothing for none."""
    pattern = "d MMM y, HH.mm" if language() == "tr" else "d MMM y, HH:mm"
    if seconds:
        pattern += pattern[-3] + "ss"
    return str(format_datetime(value, pattern)) if value else ""


def format_day(value: datetime) -> str:
    """The date of a time in the city."""
    pattern = "EEEE d MMMM y" if language() == "en" else "d MMMM y EEEE"
    return str(format_datetime(value, pattern))


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
    security_headers.keep_private(response)  # its address may hold a token, copied badly
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


def _require_catalogues(languages: tuple[str, ...], folders: tuple[Path, Path]) -> None:
    """English is what the pages are written in; every other language needs its file."""
    for code in languages:
        places = [folder / code / "LC_MESSAGES" / "messages.mo" for folder in folders]
        if code != "en" and not any(place.exists() for place in places):
            folder = folders[0] if code == "tr" else folders[1]
            raise SettingsError(
                f"The texts of the language {code} are not compiled: {places[0]} and {places[1]} "
                f"are missing. Run: pybabel compile -d {folder}"
            )
