"""Pages for staff: sign-in, articles, channels. Every page names the roles that may use it."""

from __future__ import annotations

from apiflask import APIFlask

from service import pages
from service.admin import articles, channels, sign_in


def register(app: APIFlask) -> None:
    """Add sign-in and the staff's pages, each in Turkish and in English."""
    sign_in.register(app)
    for part in (articles.blueprint(), channels.blueprint()):
        pages.protect_forms(part)
        pages.register_pages(app, part)
