"""Answers of what is rarely asked for, and in no cache of ours: conditional, and gzipped."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from datetime import datetime

from flask import Response, request

from service.feeds.version import SECURITY

HOUR_OLD = "public, max-age=3600, stale-while-revalidate=86400"


def conditional(
    media_type: str,
    etag: str,
    body: Callable[[], bytes],
    cache: str,
    modified: datetime | None = None,
) -> Response:
    """The body, made only where whoever asks does not have it; `etag` is a weak one (RFC 9110)."""
    response = Response(content_type=f"{media_type}; charset=utf-8", headers=list(SECURITY))
    response.set_etag(etag, weak=True)
    if modified:
        response.last_modified = modified
    response.headers["Cache-Control"] = cache
    response.vary.add("Accept-Encoding")
    if response.make_conditional(request).status_code != 304:
        data = body()
        if request.accept_encodings["gzip"]:
            data = gzip.compress(data, 6, mtime=0)
            response.content_encoding = "gzip"
        response.set_data(data)
    return response


def sentence(text: str, status: int, retry_after_s: int = 0) -> Response:
    """A refusal that a feed reader shows as it is: one line of plain text."""
    response = Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def hashed(*parts: object) -> str:
    """A fingerprint of all that an answer depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
