"""The doorbell on both brokers: order, lengths, and what it costs that a broker is away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest
from kombu import Consumer
from pydantic import SecretStr

from service.brokers import Broker
from service.settings import Settings
from service.tasks import Doorbell, Priority, Queue, Task
from tests.integration.brokers.conftest import connection_to
from tests.rabbitmq import RabbitMQ

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

only_rabbitmq = pytest.mark.parametrize("kind", ["rabbitmq"], indirect=True)


def taken(settings: Settings, queue: Queue, count: int) -> list[int]:
    """The rows of so many messages, in the order in which a worker of this queue gets them."""
    rows: list[int] = []
    with connection_to(settings) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)  # one at a time, as our workers take them

        def take(body, message):
            rows.append(body[0][0])
            message.ack()

        named = Broker.of(settings).queue(queue.value)
        with Consumer(channel, [named], callbacks=[take], accept=["json"]):
            for _ in range(count):
                connection.drain_events(timeout=5)
    return rows


def test_the_pressing_goes_first(settings, doorbell):
    """What a worker takes, in its order: the plan first, then a few batches of each article."""
    for row_id in range(3):
        assert doorbell.ring_once(Task.EMAIL_BATCH, [row_id], Queue.URGENT, Priority.BULK)
    doorbell.ring(Task.EMAIL_BATCH, 4, Queue.URGENT)  # of one that was deferred
    doorbell.ring_once(Task.EMAIL_BATCH, [5], Queue.URGENT, Priority.FIRST)
    doorbell.ring(Task.PLAN_NOTIFICATION, 6, Queue.URGENT)
    doorbell.ring(Task.CLASSIFY_REVISION, 7, Queue.URGENT)

    assert taken(settings, Queue.URGENT, 7) == [6, 7, 5, 0, 1, 2, 4]


def test_a_ring_lands_in_its_home_or_where_it_is_named_and_is_counted(doorbell):
    assert doorbell.ring(Task.EMAIL_BATCH, 1)
    assert doorbell.ring(Task.EMAIL_BATCH, 2, Queue.URGENT)
    assert doorbell.ring_chore(Task.RETAIN)

    waiting = {Queue.EMAIL: 1, Queue.URGENT: 1, Queue.MAINTENANCE: 1}
    assert doorbell.lengths() == dict.fromkeys(Queue, 0) | waiting


def test_rings_that_come_together_go_in_few_messages_and_none_is_lost(settings, doorbell):
    for row_id in range(100):
        doorbell.ring_soon(Task.CLASSIFY_REVISION, row_id)
    doorbell.close()

    rows: list[int] = []
    with connection_to(settings) as connection:
        queue = Broker.of(settings).queue(Queue.INGEST.value)(connection.channel())
        while message := queue.get(accept=["json"]):
            rows += message.payload[0]
            message.ack()
    assert sorted(rows) == list(range(100))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_dead_broker_costs_many_threads_one_short_wait(settings, kind, how, silent_port):
    port = 1 if how == "refused" else silent_port
    name = "redis_url" if kind == "redis" else "amqp_url"
    url = f"redis://127.0.0.1:{port}/0" if kind == "redis" else f"amqp://127.0.0.1:{port}"
    dead = Doorbell(settings.model_copy(update={name: SecretStr(url)}))
    answers: list[bool] = []

    def ring() -> None:
        answers.append(dead.ring(Task.PLAN_NOTIFICATION, 1))

    threads = [threading.Thread(target=ring) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == [False] * 8
    assert dead.is_broken
    assert dead.lengths() is None
    dead.close()
    assert time.monotonic() - started < 5


@only_rabbitmq
def test_a_frozen_rabbitmq_costs_one_short_wait_and_is_used_again(
    settings, rabbit: RabbitMQ, monkeypatch
):
    bell = Doorbell(settings)
    assert bell.ring(Task.CLASSIFY_REVISION, 1)
    with rabbit.frozen():
        started = time.monotonic()
        answers = [bell.ring(Task.CLASSIFY_REVISION, 1) for _ in range(10)]
        took = time.monotonic() - started
    assert answers == [False] * 10
    assert took < 3

    later = time.monotonic() + 6
    monkeypatch.setattr("service.tasks.time.monotonic", lambda: later)
    assert bell.ring(Task.CLASSIFY_REVISION, 2)
    bell.close()


HOLD = """
    import sys, time
    from kombu import Connection, Consumer
    from service.brokers import Broker
    from service.settings import load
    broker = Broker.of(load())
    with Connection(broker.url) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        def take(body, message):
            print("taken", flush=True)
        with Consumer(channel, [broker.queue("urgent")], callbacks=[take], accept=["json"]):
            while True:
                connection.drain_events()
"""


@only_rabbitmq
def test_what_a_killed_worker_of_rabbitmq_held_is_there_for_the_next_at_once(settings, doorbell):
    """On Redis it waits for the visibility timeout, unless the sweeper is sooner."""
    assert doorbell.ring(Task.PLAN_NOTIFICATION, 7, Queue.URGENT)
    told = {"TELLAL_AMQP_URL": settings.amqp_url.get_secret_value(), "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD)], env=told, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    assert taken(settings, Queue.URGENT, 1) == [7]
