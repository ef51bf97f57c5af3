"""Real workers on both brokers: what is rung for is done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.cli import processes
from service.models import Delivery, DeliveryState, Revision, RevisionState
from service.runtime import Runtime
from service.settings import Settings
from service.tasks import Task

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60
READERS = 3

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Starts a worker as the supervisor does."""
    started: list[subprocess.Popen[bytes]] = []
    names = ("database_url", "redis_url", "amqp_url", "secret_key", "encryption_key")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TELLAL_")},
        **{f"TELLAL_{name.upper()}": getattr(settings, name).get_secret_value() for name in names},
        "TELLAL_VAR_DIR": str(settings.var_dir),
    }

    def start(name: str) -> None:
        words = [sys.executable, "-m", "celery", "-A", "workers.app"]
        command = processes.command(name, settings)
        started.append(
            subprocess.Popen(
                [*words, *command[command.index("worker") :]],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)


def test_what_is_rung_for_is_classified_and_sent(start, cms, town, runtime: Runtime):
    for number in range(READERS):
        town.reader(address=f"okur{number}@example.org")
    notification = town.planned()
    for name in ("stages", "email"):
        start(name)
    assert cms.post("msg_1").status_code == 202  # rings by itself
    for batch in town.batches(notification):
        assert runtime.doorbell.ring(Task.EMAIL_BATCH, batch)

    _wait_for(
        runtime, select(func.count()).where(Revision.state == RevisionState.CLASSIFIED), at_least=2
    )
    _wait_for(
        runtime,
        select(func.count()).where(
            Delivery.notification_id == notification, Delivery.state == DeliveryState.SENT
        ),
        at_least=READERS,
    )
    assert town.mails() == {f"okur{number}@example.org": 1 for number in range(READERS)}


def _wait_for(runtime: Runtime, counted, at_least: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with runtime.db.read() as session:
            found = session.scalar(counted)
        if found >= at_least:
            return
        assert time.monotonic() < deadline, f"{found} of {at_least}"
        time.sleep(0.05)
