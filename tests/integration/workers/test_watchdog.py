"""A real worker that has gone deaf ends, so that it is replaced; one that hears stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from service.cli import processes
from service.settings import Settings
from service.tasks import Doorbell, Task
from workers import watchdog
from workers.watchdog import DEAF_LOOKS, Ear, Watchdog

ROOT = Path(__file__).parents[3]
# A worker's program as the supervisor runs it, but one that looks often, and loses its consumer
# when it is ready, as after a connection that came back only by half.
PROGRAM = """
    import sys
    from celery.signals import worker_ready
    from workers import app, watchdog
    watchdog.LOOK_EVERY_S = 0.1
    kind, *words = sys.argv[1:]

    @worker_ready.connect(weak=False)
    def lose(sender, **_):
        if kind == "deaf":
            sender.task_consumer.cancel()
        print("ready", flush=True)

    app.app.worker_main(words)
"""


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a worker program and waits until it is ready."""
    started: list[subprocess.Popen[str]] = []
    names = ("database_url", "redis_url", "secret_key", "encryption_key")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TELLAL_")},
        **{f"TELLAL_{name.upper()}": getattr(settings, name).get_secret_value() for name in names},
        "TELLAL_VAR_DIR": str(settings.var_dir),
    }
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as connection:
        connection.flushall()

    def start(kind: str, name: str) -> subprocess.Popen[str]:
        words = processes.command(name, settings)
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), kind, *words[words.index("worker") :]],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert "ready" in (line.strip() for line in process.stdout)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it touches no database
@pytest.mark.parametrize(("name", "task"), [("email", Task.EMAIL_BATCH), ("stages", Task.RETAIN)])
def test_a_deaf_worker_ends_and_one_that_hears_goes_on(name, task, start, settings):
    doorbell = Doorbell(settings)
    deaf = start("deaf", name)
    assert doorbell.ring(task, 10**9)
    assert deaf.wait(60) == 0, "it was not asked to end in order"

    start("hearing", name)
    deadline = time.monotonic() + 60
    while (lengths := doorbell.lengths()) is None or any(lengths.values()):
        assert time.monotonic() < deadline, "the new worker did not take what had waited"
    doorbell.close()


def test_messages_that_nobody_takes_though_a_slot_is_free_are_deafness():
    ear = Ear()
    looks = [ear.is_deaf(waiting=1, free=1, begun=0) for _ in range(DEAF_LOOKS)]

    assert looks == [False] * (DEAF_LOOKS - 1) + [True]


@pytest.mark.parametrize(
    "look",
    [
        {"waiting": 0, "free": 1, "begun": 0},  # also: Redis is away
        {"waiting": 9, "free": 0, "begun": 0},
        {"waiting": 9, "free": 1, "begun": 1},
    ],
)
def test_an_empty_queue_a_full_worker_and_one_that_works_are_not_deaf(look):
    ear = Ear()
    for _ in range(DEAF_LOOKS - 1):
        assert not ear.is_deaf(waiting=1, free=1, begun=0)
    assert not ear.is_deaf(**look)
    assert not ear.is_deaf(waiting=1, free=1, begun=look["begun"])


@pytest.mark.parametrize(("has_children", "ended"), [(False, [False]), (True, [])])
def test_a_worker_of_threads_that_has_grown_is_ended_in_order(has_children, ended, monkeypatch):
    """A forked one is not: Celery replaces its children."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(watchdog, "MOST_KB", 1)
    ends: list[bool] = []
    looks = iter(range(10))

    class Enough(Exception):
        """The test has seen enough."""

    def waiting() -> int:
        if next(looks, None) is None:
            raise Enough
        return 0

    dog = Watchdog(waiting, 1, has_children=has_children, end=ends.append)
    if has_children:
        with pytest.raises(Enough):
            dog.run()
    else:
        dog.run()

    assert ends == ended


def test_a_worker_that_is_told_to_stop_may_be_deaf(monkeypatch):
    """It ends its tasks in hand, for as long as the supervisor lets it."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(watchdog.state, "should_stop", 0)
    ends: list[bool] = []
    Watchdog(lambda: 1, 1, has_children=True, end=ends.append).run()

    assert ends == []


def test_a_deaf_worker_that_does_not_end_in_order_is_ended_by_force(monkeypatch):
    done: list[object] = []
    monkeypatch.setattr(watchdog, "GRACE_S", 0.0)
    monkeypatch.setattr(watchdog.os, "kill", lambda _, number: done.append(number))
    monkeypatch.setattr(watchdog.os, "_exit", done.append)
    watchdog.end_this_process(True)

    assert done == [signal.SIGTERM, watchdog.EXIT_DEAF]
