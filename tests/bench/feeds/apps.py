"""What gunicorn serves in `make bench-feeds`: Tellal with a counter beside it, and plain Flask."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from apiflask import APIFlask
from flask import Flask, Response, request

from service.db import Database
from service.feeds import routes
from service.feeds.entries import Entry, entries
from service.feeds.feed import Publisher
from service.feeds.lists import MAX_ENTRIES, shown
from service.feeds.routes import EXTENSION
from service.models.listing import ANY
from service.settings import load
from tests.bench import server
from tests.bench.feeds.by_feedgen import atom

COMPOSED, NOOP, FEEDGEN = "/bench/composed", "/noop", "/feedgen.atom"


def create_tellal() -> APIFlask:
    """The service without a limit of what one client has composed: here all come from one."""
    routes.COMPOSED = "100000000/minute"
    app = server.create_app()
    composer = app.extensions[EXTENSION].composer
    app.add_url_rule(COMPOSED, "composed", lambda: Response(str(composer.composed)))
    return app


def create_plain() -> Flask:
    """An empty view, and one that builds the feed of all from articles that it has in memory."""
    app = Flask("plain")
    db = Database(load().sqlalchemy_url)
    publisher = Publisher.of(load())
    found = newest(db, publisher)

    @app.get(NOOP)
    def noop() -> Response:
        return Response(b"")

    @app.get(FEEDGEN)
    def feedgen() -> Response:
        body = atom(publisher, found)
        headers = {"Content-Type": "application/atom+xml"}
        if "gzip" in request.accept_encodings:
            body, headers["Content-Encoding"] = gzip.compress(body, 6), "gzip"
        return Response(body, headers=headers)

    return app


def newest(db: Database, publisher: Publisher) -> Sequence[Entry]:
    """What stands in the feed of all."""
    with db.read() as session:
        heads = shown(session, [(ANY, ANY)], MAX_ENTRIES).heads
        ids = [one.article_id for one in heads]
        found = entries(session, ids, publisher.language)
    return [found[one] for one in ids]
