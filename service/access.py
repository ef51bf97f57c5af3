"""Requests as they are watched: the id that follows what they bring, one log line, counts, a span.

The id goes from the webhook to the last delivery: rows carry it, and each line about them names it.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import structlog
from apiflask import APIFlask
from flask import Response, g, request

from service.logs import get_logger
from service.runtime import Runtime
from service.telemetry import tracing
from service.telemetry.meters import REQUEST_S, REQUESTS, Meters

log = get_logger(__name__)

HEADER = "X-Request-Id"
# What a caller may call its request: what is safe in any log and fits the rows.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Who proves who they are may name what they ask for; a stranger's name could be another's.
NAMED = ("door", "api")
_DOOR = re.compile(r"/v1/sources/<[^>]*>/articles")
_KINDS = (
    ("/v1/", "api"),
    ("/staff", "staff"),
    ("/feeds", "feeds"),
    ("/health", "probe"),
    ("/metrics", "probe"),
    ("/static", "static"),
)
FROM_MEMORY = "feeds-memory"
NOWHERE = "nowhere"  # no such address
UNTRACED = ("probe", "static", NOWHERE)


def watch(app: APIFlask, runtime: Runtime) -> None:
    """Watch each request that reaches the application."""

    @app.before_request
    def start() -> None:
        g.started, g.started_ns = time.monotonic(), time.time_ns()
        kind = kind_of(request.url_rule.rule if request.url_rule else None)
        g.came_from = request.headers.get("traceparent", "") if kind in NAMED else ""
        said = request.headers.get(HEADER, "") if kind in NAMED else ""
        g.request_id = request_id_of(said, g.came_from)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        # The rule, not the path: paths carry tokens.
        rule = request.url_rule.rule if request.url_rule else None
        kind, took_s = kind_of(rule), time.monotonic() - g.get("started", time.monotonic())
        request_id = g.get("request_id", "")
        response.headers[HEADER] = request_id
        count(runtime.meters, kind, response.status_code, took_s)
        fields: dict[str, Any] = {
            "method": request.method,
            "route": rule,
            "status": response.status_code,
            "ms": round(took_s * 1000, 1),
        }
        log.info("request", **fields)
        if tracing.is_on(runtime.settings) and kind not in UNTRACED and request_id:
            _trace(runtime, fields, structlog.contextvars.get_contextvars())
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        """The next line of this thread may be about a feed from memory, which has no id."""
        structlog.contextvars.clear_contextvars()


def request_id_of(said: str, traceparent: str) -> str:
    """The caller's name for its request, if it is one that can be kept; else its trace; else a new
    one."""
    if _ID.fullmatch(said):
        return said
    parent = tracing.TRACEPARENT.fullmatch(traceparent)
    return parent[1] if parent else secrets.token_hex(8)


def kind_of(rule: str | None) -> str:
    """The kind of address that a rule is of; there are ten."""
    if rule is None:
        return NOWHERE
    if _DOOR.fullmatch(rule):
        return "door"
    return next((kind for start, kind in _KINDS if rule.startswith(start)), "citizen")


def count(meters: Meters, kind: str, status: int, took_s: float) -> None:
    """Count one answer."""
    meters.add(REQUESTS, kind, str(status))
    meters.observe(REQUEST_S, took_s, kind)


def _trace(runtime: Runtime, fields: dict[str, Any], ids: dict[str, Any]) -> None:
    attributes = {
        "http.request.method": fields["method"],
        "http.route": fields["route"],
        "http.response.status_code": fields["status"],
        **tracing.attributes_of(ids),
    }
    one = tracing.Span(
        f"{fields['method']} {fields['route']}",
        g.request_id,
        began_ns=g.started_ns,
        attributes=attributes,
    )
    error = str(fields["status"]) if fields["status"] >= 500 else None
    tracing.write_request(runtime.settings, one, g.came_from, error)
