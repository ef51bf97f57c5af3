"""Brokers: what differs between Redis and RabbitMQ, and nothing else knows of.

The database is the truth and tasks are doorbells, so a broker may lose, double and reorder. What
Redis is used for beside them (rate limits, chat buckets) stays on Redis.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import PreconditionFailed
from kombu.entity import Exchange
from kombu.entity import Queue as KombuQueue

from service.settings import Settings

VISIBILITY_TIMEOUT_S = 900  # above the task time limit of 600 s; nothing waits longer in Redis
LOWEST = 6  # the highest number of a priority, which is the last to be served
HEARTBEAT_S = 10  # of RabbitMQ's connections: one that is frozen is found after two of them
STRANGE_S = 5.0  # a queue that is not ours is tried again after this long


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


class StrangeQueues:
    """Queues of RabbitMQ that bear the names of ours and were declared with other arguments.

    Nothing can be put into such a queue or taken from it until somebody deletes it, which only the
    operator may: it can be another program's. The others go on. Thread-safe.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def troubles(self) -> list[str]:
        """One sentence for each."""
        with self._lock:
            return [
                f"RabbitMQ has a queue {name} that was declared otherwise: delete it there, or give"
                " Tellal a virtual host of its own (docs/scale.md)"
                for name in sorted(self._until)
            ]

    def is_resting(self, name: str) -> bool:
        """True while one that was refused a moment ago is left alone."""
        with self._lock:
            return time.monotonic() < self._until.get(name, 0.0)

    def note(self, name: str, error: PreconditionFailed) -> None:
        """It was refused. The log has it once, with RabbitMQ's own words."""
        with self._lock:
            is_new = name not in self._until
            self._until[name] = time.monotonic() + STRANGE_S
        if is_new:
            from service.logs import get_logger  # here: the command line loads it with the names

            get_logger(__name__).error(
                "queue is not ours",
                queue=name,
                said=error.reply_text,
                mend="delete this queue in RabbitMQ, or give Tellal a virtual host of its own",
            )

    def forget(self, name: str) -> None:
        """It was taken: it is ours now."""
        if self._until:
            with self._lock:
                self._until.pop(name, None)
