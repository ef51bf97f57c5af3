"""Feeds: the channel that needs no address."""

from typing import cast

from apiflask import APIFlask

from service.feeds.clock import Clock
from service.feeds.composing import Composer
from service.feeds.feed import Publisher
from service.feeds.routes import EXTENSION, feeds
from service.runtime import Runtime

__all__ = ["register"]


def register(app: APIFlask) -> None:
    """Serve the feeds."""
    runtime = cast(Runtime, app.extensions["tellal"])
    settings = runtime.settings
    app.extensions[EXTENSION] = (
        Clock(runtime.db, settings.feed_look_s),
        Composer(runtime.db, Publisher.of(settings), settings.feed_cache_mb << 20),
    )
    app.register_blueprint(feeds)
