"""What `make bench-ingest` measures against: one gunicorn of Tellal with its Redis, and no workers.

The web server runs as `tellal up` starts it, only that its application has one more view, which is
empty: it never ships with the service.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from apiflask import APIFlask
from flask import Response
from sqlalchemy import func, select

from service import app as service_app
from service.cli import processes, redis_server
from service.cli.migrate import bring_up_to_date
from service.ingest.managing.sources import store
from service.models import InboxEvent
from service.runtime import Runtime
from service.settings import Settings, load, make_keys
from tests.bench.load import Sample, fire, request
from tests.chaos.city import free_port

EMPTY_PATH = "/bench/empty"
SLUG = "bench"
RATE = 100_000  # a minute: far above what is sent, so that 429 never happens
READY_S = 120.0


def create_app() -> APIFlask:
    """The service and beside it an empty view that answers 202."""
    app = service_app.serve()
    app.add_url_rule(EMPTY_PATH, "empty", lambda: Response(status=202), methods=["POST"])
    return app


class Server:
    """Redis and web on loopback, in a folder of their own; use it as a context manager."""

    APP = f"{__name__}:create_app()"

    def __init__(self, var_dir: Path, database_url: str) -> None:
        make_keys(var_dir)
        self.settings = load(
            var_dir=var_dir, port=free_port(), database_url=database_url, redis_url=""
        )
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = (var_dir / "server.log").open("ab")
        self.secret = self._prepare()

    def __enter__(self) -> Server:
        try:
            redis = redis_server.program(self.settings.redis_socket, processes.STAGE_REDIS)
            self._start(redis.command, {})
            self._wait_for_redis()
            self._start_web(self.APP, self.settings)
            self._wait_for_web()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def stored(self) -> int:
        """How many deliveries the database holds."""
        runtime = Runtime.start(self.settings)
        with runtime.db.read() as session:
            found = session.scalar(select(func.count()).select_from(InboxEvent))
        runtime.close()
        return found or 0

    def _prepare(self) -> str:
        bring_up_to_date(self.settings)
        runtime = Runtime.start(self.settings)
        with runtime.db.write() as session:
            secret = store(session, runtime.vault, SLUG, rate_per_minute=RATE)
        runtime.close()
        return secret

    def _start_web(self, app: str, settings: Settings) -> None:
        web = processes.command(processes.WEB, settings)
        self._start([*web[:-1], app], _environment(settings))

    def _start(self, command: tuple[str, ...] | list[str], extra: Mapping[str, str]) -> None:
        self._processes.append(
            subprocess.Popen(command, env={**os.environ, **extra}, **_into(self._log))
        )

    def _wait_for_redis(self) -> None:
        deadline = time.monotonic() + READY_S
        while not redis_server.answers(self.settings.redis_socket):
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.05)

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            assert time.monotonic() < deadline, "the web server does not answer"
            try:
                found: list[Sample] = fire(self.settings.port, [request(EMPTY_PATH, b"{}", {})], 1)
            except OSError:
                time.sleep(0.1)
                continue
            assert found[0].status == 202
            return

    def _end(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)
        self._log.close()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "TELLAL_VAR_DIR": str(settings.var_dir),
        "TELLAL_PORT": str(settings.port),
        "TELLAL_DATABASE_URL": settings.database_url.get_secret_value(),
        "TELLAL_REDIS_URL": "",
    }


def _into(log: IO[bytes]) -> dict[str, IO[bytes]]:
    return {"stdout": log, "stderr": log}
