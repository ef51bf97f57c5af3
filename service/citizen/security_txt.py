"""`/.well-known/security.txt` (RFC 9116): who hears of holes in this installation.

The city says where (`TELLAL_SECURITY_CONTACT`). Where it did not there is no such file: one without
a contact is not valid.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from flask import Blueprint, Response, abort, request

from service.db import utcnow
from service.pages import runtime
from service.settings import Settings

PATH = "/.well-known/security.txt"
CACHE = "public, max-age=3600"
# Less than the year that section 2.5.5 advises. What a dead service once said runs out by itself.
HOLDS = timedelta(days=180)


def blueprint() -> Blueprint:
    """The file, which no language has a prefix for."""
    part = Blueprint("security_txt", __name__)
    part.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every part

    @part.get(PATH)
    def show() -> Response:
        settings = runtime().settings
        if not settings.security_contact:
            abort(404)
        response = Response(security_txt(settings, utcnow()), mimetype="text/plain")
        response.headers["Cache-Control"] = CACHE
        response.add_etag()
        response.make_conditional(request)
        return response

    return part


def security_txt(settings: Settings, now: datetime) -> str:
    """The fields, the same all day long, so that a cache need not load them anew."""
    day = datetime.combine(now.date(), time())
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {day + HOLDS:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(settings.brand.languages)}",
    ]
    if settings.is_secure:  # section 2.5.2 knows no other address
        lines.append(f"Canonical: {settings.public_url}{PATH}")
    return "\n".join(lines) + "\n"
