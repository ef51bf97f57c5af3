"""The staff's side: pages and API. Every route names the power that it needs."""

from __future__ import annotations

from apiflask import APIFlask

from service import pages
from service.admin import api, articles, channels, navigation, sign_in, today


def register(app: APIFlask) -> None:
    """Add sign-in, the staff's pages in every language, and their API."""
    sign_in.register(app)
    navigation.register(app)
    for part in (
        today.blueprint(),
        articles.blueprint(),
        channels.blueprint(),
    ):
        pages.protect_forms(part)
        pages.register_pages(app, part)
    api.register(app)
