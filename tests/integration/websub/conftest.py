"""Callbacks on loopback, honest ones and others, and a city that publishes feeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

import service.db
from service.ledger.publish import stamp_feeds, withdraw
from service.models import Article, Delivery, Notification, WebsubSubscription
from service.runtime import Runtime
from tests.integration.town import Town

TOPIC_URL = "http://localhost:8080/feeds/iklim-cevre.atom"


@dataclass
class Call:
    """One request that a callback got."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = field(repr=False)

    def of(self, name: str) -> str:
        (value,) = self.query[name]
        return value


class Callbacks(ThreadingHTTPServer):
    """Remembers what it was asked and answers as `answer` says: as an honest subscriber at first,
    who confirms whatever is asked and takes whatever is pushed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[Call] = []
        self.answer: Callable[[Call], tuple[int, bytes]] = honest
        self.headers: dict[str, str] = {}

    def url(self, path: str = "cb", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}/{path}"

    @property
    def pushed(self) -> list[Call]:
        return [call for call in self.calls if call.method == "POST"]

    @property
    def asked(self) -> list[Call]:
        return [call for call in self.calls if call.method == "GET"]


def honest(call: Call) -> tuple[int, bytes]:
    challenge = call.query.get("hub.challenge", [""])
    return 200, challenge[0].encode()


class _Handler(BaseHTTPRequestHandler):
    server: Callbacks

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, parts.path, query, dict(self.headers), body)
        self.server.calls.append(call)
        status, said = self.server.answer(call)
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def callbacks() -> Iterator[Callbacks]:
    server = Callbacks()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Hub:
    """What subscribers and tests ask of the hub."""

    client: FlaskClient
    runtime: Runtime
    work: Callable[[], None]

    def ask(
        self, callback: str, topic: str = TOPIC_URL, mode: str = "subscribe", **more: str
    ) -> TestResponse:
        values = {"hub.mode": mode, "hub.topic": topic, "hub.callback": callback}
        values |= {f"hub.{name}": value for name, value in more.items()}
        return self.client.post("/hub", data=values)

    def subscribe(self, callback: str, topic: str = TOPIC_URL, **more: str) -> int:
        """Subscribe, and let the worker ask the callback; returns the newest subscription."""
        answer = self.ask(callback, topic, **more)
        assert answer.status_code == 202, answer.text
        self.work()
        return max(row.destination_id for row in self.rows())

    def rows(self) -> list[WebsubSubscription]:
        with self.runtime.db.read() as session:
            return list(session.scalars(select(WebsubSubscription)))

    def live(self) -> list[WebsubSubscription]:
        return [row for row in self.rows() if row.verified_at and row.ended_at is None]

    def deliveries(self, kind: str = "feed") -> list[Delivery]:
        with self.runtime.db.read() as session:
            return list(
                session.scalars(
                    select(Delivery)
                    .join(Notification, Notification.id == Delivery.notification_id)
                    .where(Notification.kind == kind)
                    .order_by(Delivery.notification_id, Delivery.destination_id)
                )
            )


@pytest.fixture
def hub(client: FlaskClient, runtime: Runtime, work: Callable[[], None], full_audit: Any) -> Hub:
    """The hub; at the end of the test its ledger must add up."""
    return Hub(client, runtime, work)


@pytest.fixture
def publish(runtime: Runtime, town: Town) -> Callable[..., int]:
    """Puts an article into the feeds; returns its id."""

    def publish(topics: tuple[str, ...] = ("iklim-cevre",), **fields: Any) -> int:
        article_id = town.article(topics, **fields)
        with runtime.db.write() as session:
            stamp_feeds(session, article_id, service.db.utcnow())
        return article_id

    return publish


@pytest.fixture
def take_back(runtime: Runtime) -> Callable[[int], None]:
    def take_back(article_id: int) -> None:
        with runtime.db.write() as session:
            article = session.get_one(Article, article_id, with_for_update=True)
            withdraw(session, article, service.db.utcnow())

    return take_back
