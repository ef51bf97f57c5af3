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

from service.app import create_app
from service.brokers import Broker
from service.doctor.finding import Level
from service.doctor.installation import check_broker
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


@pytest.fixture
def ours_again(settings: Settings) -> Iterator[None]:
    yield
    with connection_to(settings) as connection:
        connection.channel().queue_delete(queue=Queue.PULL)


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


def somebody_declares(settings: Settings, queue: Queue) -> None:
    """A queue of another program's, of the same name."""
    with connection_to(settings) as connection:
        channel = connection.channel()
        channel.queue_delete(queue=queue)
        channel.queue_declare(queue=queue, durable=True, auto_delete=False)


@only_rabbitmq
def test_a_queue_that_is_not_ours_is_said_and_holds_up_no_other(settings, monkeypatch):
    """It is ours again once it is deleted."""
    somebody_declares(settings, Queue.PULL)
    monkeypatch.setattr("service.brokers.STRANGE_S", 0.0)
    bell = Doorbell(settings)
    said = [
        "RabbitMQ has a queue pull that was declared otherwise: delete it there, or give Tellal"
    ]
    for _ in range(3):
        assert not bell.ring(Task.PULL_SOURCE, 1)
        assert bell.ring(Task.CLASSIFY_REVISION, 1)
        lengths = bell.lengths()
        assert lengths is not None
        assert set(Queue) - set(lengths) == {Queue.PULL}
        assert [one[: len(said[0])] for one in bell.troubles] == said
    assert not bell.is_broken
    finding = check_broker(settings)
    assert (finding.level, "delete it there" in finding.mend) == (Level.WRONG, True)

    with connection_to(settings) as connection:
        connection.channel().queue_delete(queue="pull")
    assert bell.ring(Task.PULL_SOURCE, 1)
    assert bell.troubles == []
    assert bell.lengths() == dict.fromkeys(Queue, 0) | {Queue.PULL: 1, Queue.INGEST: 3}
    bell.close()


@only_rabbitmq
def test_a_queue_for_which_the_door_does_not_ring_is_said_by_its_health(settings, ours_again):
    somebody_declares(settings, Queue.PULL)
    app = create_app(settings)
    said = app.test_client().get("/health/ready").json["degraded"]
    app.extensions["tellal"].close()
    assert [one.partition(": delete it")[0] for one in said] == [
        "RabbitMQ has a queue pull that was declared otherwise"
    ]


@only_rabbitmq
def test_a_worker_whose_queue_is_not_ours_says_so_and_ends(settings, ours_again):
    somebody_declares(settings, Queue.PULL)
    names = ("database_url", "amqp_url", "redis_url", "secret_key", "encryption_key")
    told = {f"TELLAL_{name.upper()}": getattr(settings, name).get_secret_value() for name in names}
    worker = [sys.executable, "-m", "celery", "-A", "workers.app", "worker"]
    ended = subprocess.run(
        [*worker, "-Q", Queue.PULL.value, "-P", "threads", "-c", "1"],
        env={**told, "TELLAL_VAR_DIR": str(settings.var_dir), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = (ended.stdout + ended.stderr).splitlines()
    said = [line for line in lines if "queue is not ours" in line]
    assert ended.returncode == 1
    assert len(said) == 1
    assert '"queue": "pull"' in said[0]
    assert "delete this queue in RabbitMQ" in said[0]


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
