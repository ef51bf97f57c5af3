"""Answers that everybody may see and every cache may keep."""

from __future__ import annotations

from flask import Response, make_response, request

CACHE = "public, max-age=60"


def public_page(page: str, status: int = 200) -> Response:
    """A page without a cookie, to be kept for a minute; unchanged, it is not sent again."""
    response = make_response(page, status)
    response.headers["Cache-Control"] = CACHE
    if status == 200:
        response.add_etag(weak=True)
        response.make_conditional(request)
    return response
