"""How pages look to this reader: light or dark, and the size of text; kept in a cookie that says
only this.

The form needs no token: the worst that another site could do is to change the look, and a token
would need a second cookie.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from service.assets import COOKIE, choice
from service.pages import page_url, runtime
from service.security_headers import keep_private
from service.stylesheet import TEXT_SIZES

SCHEMES = ("auto", "light", "dark")
KEPT_FOR_S = 365 * 86_400
MAX_BACK = 500  # characters of a path


def blueprint() -> Blueprint:
    """The form, and what keeps its answers."""
    part = Blueprint("display", __name__)

    @part.get("/display")
    def show() -> Response:
        scheme, size = choice()
        page = render_template(
            "citizen/display.html",
            scheme=scheme if scheme in SCHEMES else SCHEMES[0],
            size=size if size in TEXT_SIZES else "normal",
            back=_path_of(request.referrer or ""),
            is_saved="saved" in request.args,
        )
        return keep_private(make_response(page))

    @part.post("/display")
    def save() -> BaseResponse:
        scheme, size = request.form.get("scheme", ""), request.form.get("size", "")
        back = _local(request.form.get("back", "")) or page_url("display.show", saved=1)
        response = redirect(back, 303)
        if scheme not in SCHEMES or size not in TEXT_SIZES or (scheme, size) == ("auto", "normal"):
            response.delete_cookie(COOKIE)
        else:
            response.set_cookie(
                COOKIE,
                f"{scheme}.{size}",
                max_age=KEPT_FOR_S,
                secure=runtime().settings.is_secure,
                httponly=True,
                samesite="Lax",
            )
        return response

    return part


def _path_of(referrer: str) -> str:
    """The page of ours that somebody came from, unless it was this form. Private pages send no
    referrer, so no token of theirs gets in here."""
    try:
        parts = urlsplit(referrer)
    except ValueError:
        return ""
    if parts.netloc != request.host or parts.path == request.path:
        return ""
    return _local(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _local(path: str) -> str:
    """The path if it leads to a page of this site; a browser takes // and /\\ for another one."""
    is_local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_local and len(path) <= MAX_BACK else ""
