"""The structure of queues and tasks, and the doorbell when nobody is at home."""

from __future__ import annotations

import ast
import base64
import importlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from cryptography.fernet import Fernet
from kombu import Connection, Consumer, Exchange
from kombu import Queue as KombuQueue

from service.brokers import redis_options
from service.cli.redis_server import find_server
from service.settings import Settings, load
from service.tasks import (
    HOME,
    WORKER_TIMEOUT_S,
    WORKERS,
    Doorbell,
    Priority,
    Queue,
    Task,
)
from workers.hands import PROGRAM_OF
from workers.stages import CHORES, PLACES, STAGES
from workers.watchdog import MOST_KB

ROOT = Path(__file__).parents[2]
SOURCES = [path for part in ("service", "workers") for path in (ROOT / part).rglob("*.py")]


@pytest.fixture(scope="module")
def celery_app() -> Celery:
    return importlib.import_module("workers.app").app


def test_each_queue_has_exactly_one_kind_of_worker():
    served = [queue for queues, _, _ in WORKERS.values() for queue in queues]

    assert sorted(served) == sorted(Queue)


def test_each_worker_drains_its_queues_in_order_of_priority():
    order = list(Queue)
    for queues, _, _ in WORKERS.values():
        assert list(queues) == sorted(queues, key=order.index)


def test_each_task_has_a_home_and_is_registered_and_routed_there(celery_app):
    assert set(HOME) == set(Task)
    for task in Task:
        assert task.value in celery_app.tasks
        assert celery_app.conf.task_routes[task.value] == {"queue": HOME[task].value}
    ours = {name for name in celery_app.tasks if not name.startswith("celery.")}
    assert ours == {task.value for task in Task}


def test_each_entry_of_the_schedule_is_known_and_expires(celery_app):
    for entry in celery_app.conf.beat_schedule.values():
        assert entry["task"] in celery_app.tasks
        assert 0 < entry["options"]["expires"] <= 3600


def test_a_queue_that_nobody_serves_cannot_come_into_being(celery_app):
    assert {queue.name for queue in celery_app.conf.task_queues} == set(Queue)
    assert celery_app.conf.task_create_missing_queues is False


def test_settings_that_keep_messages_safe(celery_app):
    conf = celery_app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert (conf.task_serializer, conf.accept_content) == ("json", ["json"])
    options = conf.broker_transport_options
    assert options["visibility_timeout"] > conf.task_time_limit
    assert conf.visibility_timeout == options["visibility_timeout"]
    assert not conf.worker_cancel_long_running_tasks_on_connection_loss


def test_settings_that_bring_a_worker_back_or_replace_it(celery_app):
    conf = celery_app.conf
    assert conf.broker_connection_retry
    assert conf.broker_connection_retry_on_startup
    assert conf.broker_connection_max_retries is None
    assert conf.worker_max_memory_per_child == MOST_KB
    assert conf.task_soft_time_limit < conf.task_time_limit
    assert not conf.worker_enable_remote_control
    options = conf.broker_transport_options
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (10, 1)
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (5.0, 2.0)
    assert options["socket_keepalive"]
    assert options["health_check_interval"] == 10
    assert (options["global_keyprefix"], options["queue_order_strategy"]) == ("tellal:", "priority")


def test_each_queue_is_served_by_the_one_hand_of_its_worker():
    assert set(PROGRAM_OF) == set(Queue)
    assert set(PROGRAM_OF.values()) == set(WORKERS)


def test_no_task_waits_in_the_broker():
    """A long wait is a column: a countdown beyond the visibility timeout runs again and again."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("countdown", "eta"):
                found.append(f"{path}:{node.value.lineno} {node.arg}")
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr in ("retry", "apply_async", "delay"):
                found.append(f"{path}:{node.lineno} {node.func.attr}")
    assert SOURCES
    assert found == []


def bell(url: str) -> Doorbell:
    return Doorbell(settings(url))


def settings(url: str) -> Settings:
    return load(
        redis_url=url,
        secret_key="x",
        encryption_key=Fernet.generate_key().decode(),
        var_dir="/nowhere",
    )


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", ["refused", "no socket", "silent"])
def test_ringing_a_dead_broker_returns_false_soon_and_rests_for_a_while(kind, deaf_port):
    url = {
        "refused": "redis://127.0.0.1:1/0",
        "no socket": "unix:///nowhere/redis.sock",
        "silent": f"redis://127.0.0.1:{deaf_port}/0",
    }[kind]
    doorbell = bell(url)
    start = time.monotonic()

    assert not doorbell.is_broken
    assert doorbell.ring(Task.CLASSIFY_REVISION, 1) is False
    assert doorbell.is_broken
    assert [doorbell.ring(Task.CLASSIFY_REVISION, n) for n in range(1000)] == [False] * 1000
    doorbell.close()

    assert time.monotonic() - start < 3


@pytest.mark.parametrize("kind", ["refused", "no socket", "silent"])
def test_asking_a_dead_broker_for_its_queues_says_nothing_soon(kind, deaf_port):
    url = {
        "refused": "redis://127.0.0.1:1/0",
        "no socket": "unix:///nowhere/redis.sock",
        "silent": f"redis://127.0.0.1:{deaf_port}/0",
    }[kind]
    doorbell = bell(url)
    start = time.monotonic()

    assert [doorbell.lengths() for _ in range(1000)] == [None] * 1000
    assert doorbell.is_broken
    doorbell.close()

    assert time.monotonic() - start < 3


def test_the_lengths_of_queues_are_those_of_the_rings_that_wait(redis_url):
    import redis

    doorbell = bell(redis_url)
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        for row_id in range(3):
            doorbell.ring(Task.EMAIL_BATCH, row_id)
        doorbell.ring(Task.EMAIL_BATCH, 3, Queue.URGENT)
        found = doorbell.lengths()
        connection.flushall()
        empty = doorbell.lengths()
    doorbell.close()

    assert found == {**dict.fromkeys(Queue, 0), Queue.EMAIL: 3, Queue.URGENT: 1}
    assert empty == dict.fromkeys(Queue, 0)


def test_many_threads_at_a_silent_broker_wait_once_each(deaf_port):
    doorbell = bell(f"redis://127.0.0.1:{deaf_port}/0")
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(doorbell.ring(Task.PLAN_NOTIFICATION, 1)))
        for _ in range(20)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    doorbell.close()

    assert answers == [False] * 20
    assert time.monotonic() - start < 3


def test_the_bell_rings_again_when_the_rest_is_over(redis_url, monkeypatch):
    doorbell = bell("redis://127.0.0.1:1/0")
    assert not doorbell.ring(Task.CLASSIFY_REVISION, 1)
    later = time.monotonic() + 6
    monkeypatch.setattr("service.tasks.time.monotonic", lambda: later)

    assert not doorbell.is_broken


def test_a_ring_lands_in_the_home_queue_or_the_one_that_is_named(redis_url):
    import redis

    doorbell = bell(redis_url)
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        assert doorbell.ring(Task.EMAIL_BATCH, 1)
        assert doorbell.ring(Task.EMAIL_BATCH, 2, Queue.URGENT)
    lengths = doorbell.lengths()
    doorbell.close()

    assert {queue for queue, length in lengths.items() if length} == {Queue.EMAIL, Queue.URGENT}


def test_a_second_urgent_article_does_not_wait_for_the_batches_of_the_first(redis_url):
    """What a worker takes, in its order: the plan first, then a few batches of each article."""
    import redis

    doorbell = bell(redis_url)
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
    for row_id in range(3):
        doorbell.ring_once(Task.EMAIL_BATCH, [row_id], Queue.URGENT, Priority.BULK)
    doorbell.ring(Task.EMAIL_BATCH, 4, Queue.URGENT)  # of one that was deferred
    doorbell.ring_once(Task.EMAIL_BATCH, [5], Queue.URGENT, Priority.FIRST)
    doorbell.ring(Task.PLAN_NOTIFICATION, 6, Queue.URGENT)
    doorbell.ring(Task.CLASSIFY_REVISION, 7, Queue.URGENT)
    doorbell.ring(Task.EMAIL_BATCH, 8, Queue.TRANSACTIONAL)
    lengths = doorbell.lengths()
    doorbell.close()

    assert lengths == {**dict.fromkeys(Queue, 0), Queue.URGENT: 7, Queue.TRANSACTIONAL: 1}
    assert list(taken(redis_url, WORKERS["express"][0], 8)) == [8, 6, 7, 5, 0, 1, 2, 4]


def taken(redis_url: str, queues: tuple[Queue, ...], count: int) -> Iterator[int]:
    """The rows of so many messages, in the order in which a worker of these queues gets them."""
    options = redis_options(WORKER_TIMEOUT_S)
    with Connection(settings(redis_url).broker_url, transport_options=options) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)  # one at a time, as our workers take them
        rows: list[int] = []

        def take(body, message):
            rows.append(body[0][0])
            message.ack()

        named = [KombuQueue(q.value, Exchange(q.value), routing_key=q.value) for q in queues]
        with Consumer(channel, named, callbacks=[take], accept=["json"]):
            for _ in range(count):
                connection.drain_events(timeout=5)
        yield from rows


def test_a_frozen_redis_costs_one_short_wait(tmp_path):
    command = [find_server(), "--port", "0", "--unixsocket", tmp_path / "r.sock", "--save", ""]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, cwd=tmp_path, stdin=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        doorbell = bell(f"unix://{tmp_path / 'r.sock'}")
        while not (tmp_path / "r.sock").exists():
            assert time.monotonic() < deadline
        assert doorbell.ring(Task.CLASSIFY_REVISION, 1)
        process.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        answers = [doorbell.ring(Task.CLASSIFY_REVISION, 1) for _ in range(10)]
        took = time.monotonic() - start
        process.send_signal(signal.SIGCONT)
        doorbell.close()
    finally:
        process.kill()
        process.wait()

    assert answers == [False] * 10
    assert took < 3


def test_rings_that_come_together_go_in_few_messages_and_none_is_lost(redis_url):
    import redis

    doorbell = bell(redis_url)
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        for row_id in range(100):
            doorbell.ring_soon(Task.CLASSIFY_REVISION, row_id)
        doorbell.ring_soon(Task.CLASSIFY_REVISION, 100, Queue.URGENT)
        doorbell.close()
        messages = connection.lrange("tellal:ingest", 0, -1)
        urgent = connection.lrange("tellal:urgent", 0, -1)

    def rows(message: bytes) -> list[int]:
        return json.loads(base64.b64decode(json.loads(message)["body"]))[0]

    assert sorted(row for message in messages for row in rows(message)) == list(range(100))
    assert len(messages) < 20
    assert [rows(message) for message in urgent] == [[100]]


def test_rings_for_a_dead_broker_are_dropped_and_hold_nobody_up():
    doorbell = bell("redis://127.0.0.1:1/0")
    for row_id in range(20_000):
        doorbell.ring_soon(Task.CLASSIFY_REVISION, row_id)
    doorbell.close()

    assert doorbell.is_broken


def test_a_row_that_fails_keeps_no_other_row_of_its_message_from_being_done(
    celery_app, monkeypatch
):
    done = []

    def stage(_: object, row_id: int) -> None:
        if row_id == 2:
            raise ValueError("the second row")
        done.append(row_id)

    module = importlib.import_module("workers.app")
    monkeypatch.setattr(module, "process_runtime", lambda: None)
    module._register_stage(SimpleNamespace(value="test.stage"), stage)
    try:
        with pytest.raises(ValueError, match="the second row"):
            celery_app.tasks["test.stage"].run(1, 2, 3)
    finally:
        celery_app.tasks.pop("test.stage")

    assert done == [1, 3]


@pytest.mark.parametrize("task", Task)
def test_each_task_is_somewhere(task: Task) -> None:
    """It is imported with its first message only."""
    module, _, name = PLACES[task].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    assert (task in STAGES) != (task in CHORES)
