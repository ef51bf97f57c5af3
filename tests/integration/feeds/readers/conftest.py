"""A running server whose exchanges are noted, a city behind it, and the readers before it.

SQLite alone: readers see bytes, and that both databases give the same bytes is shown elsewhere.
The server is a thread of this process, so that a day passes by the turn of a clock.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from werkzeug.serving import BaseWSGIServer, make_server

from service.cli import cli
from service.settings import Settings
from tests.integration.conftest import Clock, Cms
from tests.integration.feeds.readers.city import KEY, City
from tests.integration.feeds.readers.clients import Client
from tests.integration.feeds.readers.curl import Curl
from tests.integration.feeds.readers.newsboat import Newsboat
from tests.integration.feeds.readers.python_readers import Feedparser, Lemon24
from tests.integration.feeds.readers.recording import Recorder
from tests.integration.feeds.readers.rss2email import Rss2email


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "tellal.db")
    return f"sqlite:///{tmp_path / 'tellal.db'}"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def server(recorder: Recorder) -> Iterator[BaseWSGIServer]:
    """Listens; serves once there is an application."""
    server = make_server("127.0.0.1", 0, recorder, threaded=True)
    yield server
    server.server_close()


@pytest.fixture
def settings(settings: Settings, server: BaseWSGIServer) -> Settings:
    base_url = f"http://127.0.0.1:{server.server_port}"
    return settings.model_copy(update={"base_url": base_url})


@pytest.fixture
def feeds(app: APIFlask, recorder: Recorder, server: BaseWSGIServer, clock: Clock) -> Iterator[str]:
    """Where the feeds of the running server are."""
    recorder.app = app
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/feeds"
    server.shutdown()
    thread.join(10)


@pytest.fixture
def url(feeds: str) -> str:
    """The feed that the city fills, without its suffix."""
    return f"{feeds}/{KEY}"


@pytest.fixture
def city(cms: Cms, clock: Clock, work, editor: str, command_line: None) -> City:
    def decide(article_id: int, decision: str, topic: str) -> None:
        words = ["review", decision, str(article_id), topic, "--staff", editor]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output

    return City(cms, clock, work, decide)


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[[str], list[Client]]]:
    """Lets every reader follow a feed in each format that it knows; once in a test."""
    makers = (Feedparser, Lemon24, Newsboat, Rss2email, Curl)
    with ExitStack() as stack:
        yield lambda url: [stack.enter_context(closing(one(url, tmp_path))) for one in makers]


@pytest.fixture
def clients(url: str, follow: Callable[[str], list[Client]]) -> list[Client]:
    return follow(url)
