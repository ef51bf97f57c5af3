"""The application factory of the HTTP service."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from service import access, admin, citizen, feeds, health, ingest, logs, metrics, pages
from service.admin.api.webhooks import describe_webhooks
from service.ingest.documented import describe_door
from service.problems import register_problems
from service.runtime import Runtime
from service.settings import Settings, load
from service.telemetry.beats import Beat

MAX_FORM_BYTES = 256 * 1024
M_ARENA_MAX = -8  # of malloc.h


class RowNumber(IntegerConverter):
    """A number in a path: one that a row can have. Others are an address that does not exist."""

    regex = "[0-9]{1,19}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=2**63 - 1)


def create_app(settings: Settings | None = None) -> APIFlask:
    """Build the service.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = settings or load()
    logs.configure(settings.log_level)
    runtime = Runtime.start(settings)
    app = APIFlask(
        "service",
        title="Tellal",
        version="0.1.0",
        docs_path=None,
        spec_path="/openapi.json",
    )
    app.extensions["tellal"] = runtime
    app.url_map.converters["int"] = RowNumber
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        # A browser takes this name only from this host, by https and for all paths (RFC 6265bis,
        # section 4.1.3.2): no neighbour under the city's domain can plant a session.
        SESSION_COOKIE_NAME="__Host-session" if settings.is_secure else "session",
        SESSION_COOKIE_SECURE=settings.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Of what is no form, a file above all, nothing is kept either; the door has its own limit.
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        JSON_AS_ASCII=False,
    )
    register_problems(app)
    access.watch(app, runtime)
    for part in (health, metrics, pages, ingest, feeds, citizen, admin):
        part.register(app)
    app.spec_processor(_described)
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def _described(spec: dict[str, Any] | str) -> dict[str, Any] | str:
    """The OpenAPI document with what no decorator can say. An application has one such function."""
    assert isinstance(spec, dict), "it is written as JSON"
    return describe_webhooks(describe_door(spec))


def serve() -> APIFlask:
    """The service for a process that does nothing else, as gunicorn starts it.

    What was made so far stays until the end: looking through it again and again for garbage would
    take a tenth of the time that is left for requests. And its threads share one heap: with one for
    each, what one thread keeps and another drops leaves holes in all, and feeds would take almost
    three times the memory that they are allowed.
    """
    if set_heap := getattr(ctypes.CDLL(None), "mallopt", None):  # glibc alone has it
        set_heap(M_ARENA_MAX, 1)
    app = create_app()
    Beat(app.extensions["tellal"].settings, "web").start()
    gc.collect()
    gc.freeze()
    return app
