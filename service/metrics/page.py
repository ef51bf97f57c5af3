"""`/metrics`: everything in the text format of Prometheus, for whoever knows the token."""

from __future__ import annotations

import hmac
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import cast
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint, APIFlask
from flask import Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound, Unauthorized

from service import migrations
from service.db import utcnow
from service.ledger.days import at_one_moment
from service.logs import get_logger
from service.metrics.ledger import of_the_ledger
from service.metrics.running import expected, of_meters, of_processes, of_queues
from service.runtime import Runtime
from service.telemetry.beats import Lives

log = get_logger(__name__)

KEPT_S = 4.0  # who asks again sooner, or at the same time, gets the same answer


class Exposition(Collector):
    """All metrics of an installation; thread-safe, one per process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lives = Lives(runtime.settings)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._lock = threading.Lock()
        self._kept, self._until = b"", 0.0

    def text(self) -> bytes:
        """The newest answer, made anew where the last one is some seconds old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = generate_latest(self._registry)
                self._until = time.monotonic() + KEPT_S
            return self._kept

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering asks no database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Look at everything; what does not answer is told by its own metric."""
        began, runtime = time.monotonic(), self._runtime
        build = GaugeMetricFamily("tellal_build_info", "The release.", labels=["version"])
        build.add_metric([version("tellal")], 1)
        yield build
        yield from of_queues(runtime.doorbell.lengths())
        yield from of_processes(self._lives(), expected(runtime.settings))
        yield from of_meters(runtime.meters.totals())
        yield from self._database()
        with suppress(OSError):  # the folder is gone: `/health/ready` says so
            free = shutil.disk_usage(runtime.settings.var_dir).free
            says = "Free space where this process keeps data."
            yield _value("tellal_disk_free_bytes", says, free)
        took_s = time.monotonic() - began
        yield _value("tellal_scrape_duration_seconds", "What this answer took to make.", took_s)

    def _database(self) -> Iterator[Metric]:
        found, is_current = [], False
        try:
            with self._runtime.db.read() as session:
                at_one_moment(session)
                zone = ZoneInfo(self._runtime.settings.timezone)
                found = list(of_the_ledger(session, utcnow(), zone))
            is_current = migrations.is_current(self._runtime.db)
        except SQLAlchemyError as error:
            log.error("database away", error=type(error).__name__)
        yield _value("tellal_database_up", "1 where the database answers.", bool(found))
        yield _value("tellal_database_current", "1 where all migrations have run.", is_current)
        yield from found


def register(app: APIFlask) -> None:
    """Add the address. Without a token in the settings it is none."""
    runtime = cast(Runtime, app.extensions["tellal"])
    exposition = Exposition(runtime)
    part = APIBlueprint("metrics", __name__, enable_openapi=False)

    @part.get("/metrics")
    def show() -> Response:
        token = runtime.settings.metrics_token.get_secret_value()
        if not token:
            raise NotFound
        scheme, _, said = request.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(said.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise Unauthorized
        answer = Response(exposition.text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    app.register_blueprint(part)


def _value(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=float(value))
