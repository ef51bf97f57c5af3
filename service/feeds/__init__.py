"""Feeds: the channel that needs no address."""

from typing import cast

from apiflask import APIFlask

from service.feeds import (
    archive_routes,
    discovery_routes,
    hub_routes,
    private_routes,
    search_routes,
)
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
    clock = Clock(runtime.db, settings.feed_look_s)
    app.extensions[EXTENSION] = (
        clock,
        Composer(runtime.db, Publisher.of(settings), settings.feed_cache_mb << 20),
    )
    app.extensions[archive_routes.EXTENSION] = clock
    app.register_blueprint(feeds)
    app.register_blueprint(archive_routes.archives)
    app.register_blueprint(discovery_routes.blueprint())
    app.register_blueprint(private_routes.blueprint(runtime.limits))
    app.register_blueprint(search_routes.blueprint(runtime.limits))
    hub_routes.register(app)
