"""Health: is the process alive, and can it do its work?

What keeps the work slower, but keeps none of it from being done, is said in the answer and is no
reason to take the process out of service: an installation without Redis goes on.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service import migrations
from service.runtime import Runtime
from service.tasks import WORKERS
from service.telemetry.beats import SILENT_S, Lives

health = APIBlueprint("health", __name__, url_prefix="/health", tag="Health")

EXTENSION = "tellal.degraded"
KEPT_S = 3.0  # who asks again sooner, or at the same time, gets the same answer
QUEUES_S = 30.0  # how long what RabbitMQ says of its queues is believed
LITTLE_DISK = 200 * 1024 * 1024  # bytes
SWEPT = "the sweeper does the work from the database"
NEEDED = ("sweeper", "scheduler")  # of each installation; which workers it has, it knows itself


class Degraded:
    """What is not as it should be, though articles are taken; thread-safe, one per process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._lives = runtime, Lives(runtime.settings)
        self._is_amqp = bool(runtime.settings.amqp_url.get_secret_value())
        self._lock = threading.Lock()
        self._kept: list[str] = []
        self._until = self._queues_until = 0.0

    def __call__(self) -> list[str]:
        """One sentence for each trouble."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = [*self._of_the_broker(), *self._of_processes(), *self._of_the_disk()]
                self._until = time.monotonic() + KEPT_S
            return self._kept

    def _of_the_broker(self) -> list[str]:
        """Of RabbitMQ, by the last ring, and by its queues, for most of which this process does not
        ring; Redis is asked by its own."""
        doorbell = self._runtime.doorbell
        if self._is_amqp and time.monotonic() >= self._queues_until:
            self._queues_until = time.monotonic() + QUEUES_S
            doorbell.lengths()
        if self._is_amqp and doorbell.is_broken:
            return [f"RabbitMQ does not answer; {SWEPT}"]
        return [f"{said}; {SWEPT}" for said in doorbell.troubles]

    def _of_processes(self) -> list[str]:
        lives = self._lives()
        if lives is None:
            so = "limits are each process's own" if self._is_amqp else SWEPT
            return [f"Redis does not answer; {so}"]
        alive = {life.name for life in lives if life.is_alive}
        missed = {life.name for life in lives} - alive
        # What is silent for long is forgotten. A server that goes on is none that serves alone, as
        # in a test, nor one that was started a moment before the others.
        if any(life.is_alive and life.has_worked_for_s > SILENT_S for life in lives):
            missed |= set(NEEDED) - alive
        names = (*NEEDED, *WORKERS)
        return [f"the {name} shows no sign of life" for name in names if name in missed]

    def _of_the_disk(self) -> list[str]:
        try:
            free = shutil.disk_usage(self._runtime.settings.var_dir).free
        except OSError as error:
            return [f"the data folder cannot be looked at: {error.strerror}"]
        return [f"only {free >> 20} MB are free on the disk"] if free < LITTLE_DISK else []


@health.get("/live")
@health.doc(summary="Is the process alive?", responses={200: "Alive."})
def live() -> Response:
    """Answer without looking at anything else."""
    return jsonify(status="live")


@health.get("/ready")
@health.doc(
    summary="Can it take articles?",
    responses={
        200: "Ready; `degraded` says what is not as it should be.",
        503: "Not ready; says why.",
    },
)
def ready() -> tuple[Response, int]:
    """Ready means: the database answers, can be written and has every migration.

    Redis is not needed: without it the door still takes articles, and the sweeper works.
    """
    db = current_app.extensions["tellal"].db
    try:
        with db.read() as session:
            refusal = _refusal(session)
        if refusal:
            return jsonify(status="not ready", reason=refusal), 503
        if not migrations.is_current(db):
            return jsonify(status="not ready", reason="migrations are missing"), 503
    except SQLAlchemyError:
        return jsonify(status="not ready", reason="the database does not answer"), 503
    troubles: list[str] = current_app.extensions[EXTENSION]()
    if troubles:
        return jsonify(status="ready", degraded=troubles), 200
    return jsonify(status="ready"), 200


# A standby, which follows another server, or one that was told to take nothing.
TAKES_NOTHING = text(
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
)


def _refusal(session: Session) -> str:
    """Why the database takes nothing, though it may be read; empty: it does. It waits for no lock,
    and writes nothing to find out."""
    engine = session.get_bind().engine
    if engine.dialect.name != "sqlite":
        return "the database is read-only" if session.scalar(TAKES_NOTHING) else ""
    session.execute(text("SELECT 1"))
    file = Path(engine.url.database or "")
    if not file.exists():  # connections that are open go on with it all the same
        return "the database's file is gone"
    beside = (file.parent, file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm")))
    shut = (path.exists() and not os.access(path, os.W_OK) for path in beside)
    return "the database's file or folder is read-only" if any(shut) else ""


def register(app: APIFlask) -> None:
    """Add the health routes."""
    app.extensions[EXTENSION] = Degraded(cast(Runtime, app.extensions["tellal"]))
    app.register_blueprint(health)
