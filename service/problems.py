"""Problem details (RFC 9457): every error of the API as `application/problem+json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from apiflask import APIFlask, HTTPError
from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from service.logs import get_logger

log = get_logger(__name__)
KEPT_HEADERS = ("Allow", "Retry-After")
INVALID = "A field is missing or wrong; see `errors`."
PLACES = ("json", "query", "form", "headers", "files")  # where a field was sent


class Problem(Exception):
    """An error with a clear text: what is wrong, where, and how to mend it."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail = status, title, detail
        self.errors, self.headers = errors, headers or {}

    def response(self) -> Response:
        body: dict[str, Any] = {
            "type": "about:blank",
            "status": self.status,
            "title": self.title,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(
            orjson.dumps(body),
            status=self.status,
            headers=self.headers,
            mimetype="application/problem+json",
        )


def is_api_request() -> bool:
    """Machines get problem details, people get a page."""
    return request.path.startswith("/v1/") or request.path == "/openapi.json"


def problem_of(error: HTTPException) -> Problem:
    """The framework's own error as problem details; what it says in headers stays (`Allow`)."""
    headers = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    detail = error.description or error.name
    return Problem(error.code or 500, error.name, detail, headers=headers)


def _flattened(detail: dict[str, Any], path: str = "") -> Iterator[dict[str, str]]:
    """Each wrong field with what is wrong: `{"json": {"name": ["…"]}}` is about `name`."""
    for name, value in detail.items():
        field = f"{path}.{name}" if path else str(name)
        if isinstance(value, dict):
            yield from _flattened(value, field if path or name not in PLACES else "")
        else:
            for message in value if isinstance(value, list) else [value]:
                yield {"field": field, "message": str(message)}


def register_problems(app: APIFlask) -> None:
    """Answer API errors with problem details; pages have handlers of their own."""

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @app.error_processor
    def refused(error: HTTPError) -> Response:
        title = HTTP_STATUS_CODES.get(error.status_code, "Error")
        is_invalid = isinstance(error.detail, dict)
        detail = INVALID if is_invalid else error.message or title
        errors = list(_flattened(error.detail)) if is_invalid else None
        return Problem(error.status_code, title, detail, errors=errors).response()

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response | HTTPException:
        if not is_api_request():
            return error
        return problem_of(error).response()

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error")
        detail = "Something broke on our side; nothing was stored. Try again in a minute."
        if is_api_request():
            return Problem(500, "Internal Server Error", detail).response()
        return Response(detail, status=500, mimetype="text/plain")
