"""What waits in a real Redis, as kombu keeps it: a list for each queue and priority."""

from __future__ import annotations

import json
from typing import Any

import redis

from service.tasks import Priority, Queue


def waiting(connection: redis.Redis, queue: Queue) -> list[dict[str, Any]]:
    """The headers of the messages of a queue, the most pressing list first."""
    keys = [f"tellal:{queue.value}" + (f"\x06\x16{step}" if step else "") for step in Priority]
    return [json.loads(raw)["headers"] for key in keys for raw in connection.lrange(key, 0, -1)]


def rows(connection: redis.Redis, queue: Queue) -> list[int]:
    """The rows that these messages are about, each of one alone."""
    return [json.loads(one["argsrepr"][1:-2]) for one in waiting(connection, queue)]
