"""Lost updates: who changes something says which version they saw (RFC 9110, section 13.1.1)."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request

from service.problems import Problem


def etag_of(*parts: Any) -> str:
    """A strong validator of what a resource shows: it changes when any part of it does."""
    text = orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:20]


def with_etag(response: Response, etag: str) -> Response:
    """Send the version along, and 304 to whoever has it.

    Raises:
        Problem: 412 to whoever wants to read another version alone (`If-Match`).
    """
    response.set_etag(etag)
    response.make_conditional(request)
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise Problem(412, "Precondition Failed", "It is another version by now.")
    return response


def require_match(etag: str) -> None:
    """Refuse a change of something that somebody else has changed meanwhile.

    Raises:
        Problem: 428 without `If-Match`, 412 where it names another version.
    """
    if not request.if_match and "If-Match" not in request.headers:
        detail = "Send `If-Match` with the ETag that you read, or `*` to change it in any case."
        raise Problem(428, "Precondition Required", detail)
    if not request.if_match.contains(etag):
        detail = "Somebody has changed it since you read it. Read it again, then change it."
        raise Problem(412, "Precondition Failed", detail)
