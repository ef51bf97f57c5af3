"""The whole way of one article: door, classifier, hold, feed, mail and chat, each exactly once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import feedparser
import pytest
import redis
from pydantic import SecretStr

from service.models import DeliveryState, NotificationState
from service.runtime import Runtime
from service.settings import Settings
from service.tasks import Queue, Task
from tests.integration.broker import waiting
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")


@pytest.fixture
def room() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A chat service on loopback: its address, and what it was told."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"json://127.0.0.1:{server.server_address[1]}/", got
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def arrive(cms, town, clock, room) -> Callable[[Callable[[], None]], None]:
    """Posts an article, lets time pass while somebody works, and counts what arrived where."""
    url, got = room

    def arrive(work: Callable[[], None]) -> None:
        mail, chat = town.reader(address="okur@example.org"), town.channel(url)
        status_url = cms.post("msg_1").json["status_url"]
        cms.post("msg_1")  # the CMS repeats itself
        cms.post("msg_2")
        for _ in range(10):
            work()
            clock.advance(seconds=60)

        found = feedparser.parse(cms.client.get("/feeds/iklim-cevre.rss").data)
        assert [entry.title for entry in found.entries] == [cms.article()["title"]]
        assert town.mails() == {"okur@example.org": 1}
        assert [message["title"] for message in got] == [cms.article()["title"]]
        (notification,) = town.news()
        assert notification.state == NotificationState.DONE
        assert town.states(notification.id) == dict.fromkeys((mail, chat), DeliveryState.SENT)
        told = cms.client.get(status_url.partition("8080")[2]).json
        assert told["deliveries"]["sent"] == told["deliveries"]["planned"] == 2
        assert told["notification"]["done_at"]
        assert "iklim-cevre" in [topic["slug"] for topic in told["topics"]]

    return arrive


def test_an_article_goes_its_whole_way_without_redis(settings: Settings, arrive):
    deaf = Runtime.start(
        settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    )
    try:
        arrive(lambda: sweep_once(deaf))
    finally:
        deaf.close()


def test_an_article_goes_its_whole_way_though_every_doorbell_is_thrown_away(
    settings: Settings, runtime: Runtime, arrive
):
    """The sweeper rings again and again; a worker hears only what was not thrown away."""
    from workers.stages import STAGES

    connection = redis.Redis.from_url(settings.redis_url.get_secret_value())
    heard: list[tuple[Task, int]] = []

    def work() -> None:
        connection.flushall()
        sweep_once(runtime)
        heard.clear()
        for queue in Queue:
            for headers in waiting(connection, queue):
                heard.append((Task(headers["task"]), json.loads(headers["argsrepr"][1:-2])))
        connection.flushall()
        for task, row_id in heard:
            STAGES[task](runtime, row_id)
            STAGES[task](runtime, row_id)

    try:
        arrive(work)
    finally:
        connection.close()
