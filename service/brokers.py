"""Brokers: what differs between Redis and RabbitMQ, and nothing else knows of.

The database is the truth and tasks are doorbells, so a broker may lose, double and reorder. What
Redis is used for beside them (rate limits, chat buckets) stays on Redis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kombu.entity import Exchange
from kombu.entity import Queue as KombuQueue

from service.settings import Settings

VISIBILITY_TIMEOUT_S = 900  # above the task time limit of 600 s; nothing waits longer in Redis
LOWEST = 6  # the highest number of a priority, which is the last to be served
HEARTBEAT_S = 10  # of RabbitMQ's connections: one that is frozen is found after two of them


def redis_options(timeout_s: float) -> dict[str, Any]:
    """Transport options of Redis (reliability guide, section 2, has the experiments)."""
    return {
        "global_keyprefix": "tellal:",
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": min(timeout_s, 2.0),
        "socket_keepalive": True,
        "health_check_interval": 10,
        "queue_order_strategy": "priority",
    }


@dataclass(frozen=True)
class Broker:
    """The one that the settings name. Priorities are ours: the lowest number first."""

    url: str
    is_amqp: bool

    @classmethod
    def of(cls, settings: Settings) -> Broker:
        if amqp := settings.amqp_url.get_secret_value():
            return cls(amqp, is_amqp=True)
        return cls(settings.broker_url, is_amqp=False)

    def ringing(self, timeout_s: float) -> dict[str, Any]:
        """Transport options of who publishes, and must not wait for longer than that.

        RabbitMQ confirms what it took; without that, a message into a connection that is just
        breaking would count as rung.
        """
        once = {"max_retries": 1, "interval_start": 0, "interval_max": 0}
        if not self.is_amqp:
            return {**redis_options(timeout_s), **once}
        waits = {"read_timeout": timeout_s, "write_timeout": timeout_s}
        return {"confirm_publish": True, **waits, **once}

    def serving(self, timeout_s: float) -> dict[str, Any]:
        """Transport options of a worker. One of RabbitMQ waits for tasks for as long as it takes:
        heartbeats find a connection that is dead."""
        if not self.is_amqp:
            return redis_options(timeout_s)
        return {"confirm_publish": True, "write_timeout": timeout_s}

    @property
    def arguments(self) -> dict[str, int]:
        """With which each queue is declared, by everybody alike."""
        return {"x-max-priority": LOWEST} if self.is_amqp else {}

    def queue(self, name: str) -> KombuQueue:
        """A queue with an exchange of its own: else all are bound to that of the default queue, and
        what the scheduler sends reaches every one of them."""
        arguments = self.arguments or None
        return KombuQueue(name, Exchange(name), routing_key=name, queue_arguments=arguments)

    def priority(self, ours: int) -> int:
        """As the broker counts: Redis serves the lowest number first, RabbitMQ the highest."""
        return LOWEST - ours if self.is_amqp else ours
