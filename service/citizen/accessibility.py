"""The accessibility statement: what was tested, what is not yet, and how to complain."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

CACHE = "public, max-age=300"


def blueprint() -> Blueprint:
    """The statement, a page that every cache may keep."""
    part = Blueprint("accessibility", __name__)

    @part.get("/accessibility")
    def show() -> Response:
        response = make_response(render_template("citizen/accessibility.html"))
        response.headers["Cache-Control"] = CACHE
        return response

    return part
