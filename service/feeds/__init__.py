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
from service.feeds.door import Door
from service.feeds.feed import Publisher
from service.feeds.routes import EXTENSION, feeds
from service.feeds.serving import Serving
from service.runtime import Runtime

__all__ = ["register"]


def register(app: APIFlask) -> None:
    """Serve the feeds: by views, and in front of them by a door that answers from memory."""
    runtime = cast(Runtime, app.extensions["tellal"])
    settings = runtime.settings
    publisher = Publisher.of(settings)
    composer = Composer(runtime.db, publisher, settings.feed_cache_mb << 20)
    serving = Serving(Clock(runtime.db, settings.feed_look_s), composer, publisher)
    app.extensions[EXTENSION] = serving
    app.wsgi_app = Door(app.wsgi_app, serving, runtime.meters)  # type: ignore[method-assign]
    app.register_blueprint(feeds)
    app.register_blueprint(archive_routes.archives)
    app.register_blueprint(discovery_routes.blueprint())
    app.register_blueprint(private_routes.blueprint(runtime.limits))
    app.register_blueprint(search_routes.blueprint(runtime.limits))
    app.register_blueprint(hub_routes.hub)
