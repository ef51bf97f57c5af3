"""Feeds: the channel that needs no address."""

from apiflask import APIFlask

from service.feeds.routes import feeds

__all__ = ["register"]


def register(app: APIFlask) -> None:
    """Serve the feeds."""
    app.register_blueprint(feeds)
