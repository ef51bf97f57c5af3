"""Each test here runs on Redis and on RabbitMQ, both real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
import redis
from pydantic import SecretStr

from service.brokers import Broker
from service.settings import Settings
from service.tasks import Doorbell, Queue
from tests.rabbitmq import RabbitMQ, rabbitmq


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitMQ]:
    with rabbitmq() as running:
        yield running


@pytest.fixture(params=["redis", "rabbitmq"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, kind: str, request: pytest.FixtureRequest) -> Settings:
    """With the broker of this run, emptied."""
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as connection:
        connection.flushall()
    if kind == "redis":
        return settings
    url = request.getfixturevalue("rabbit").url
    settings = settings.model_copy(update={"amqp_url": SecretStr(url)})
    _purge(settings)
    return settings


@pytest.fixture
def doorbell(settings: Settings) -> Iterator[Doorbell]:
    bell = Doorbell(settings)
    yield bell
    bell.close()


def _purge(settings: Settings) -> None:
    """Not deleted: connections of this process remember that they declared the queues."""
    with connection_to(settings) as connection:
        for queue in Queue:
            bound = Broker.of(settings).queue(queue.value)(connection.default_channel)
            bound.declare()
            bound.purge()


def connection_to(settings: Settings) -> AbstractContextManager:
    """As a worker's."""
    from kombu import Connection

    broker = Broker.of(settings)
    return Connection(broker.url, transport_options=broker.serving(5.0))
