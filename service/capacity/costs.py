"""The measured costs of one of each, as the bench wrote them beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any, Self


@dataclass(frozen=True)
class Costs:
    """Bytes are on PostgreSQL, with indexes; `…_us` are microseconds of one core."""

    delivery_table_bytes: float
    delivery_index_bytes: float
    batch_bytes: float  # for each delivery
    delivery_log_bytes: float  # of write-ahead log, for each delivery
    subscriber_bytes: float
    destination_bytes: float
    subscription_bytes: float
    consent_bytes: float
    answer_bytes: float
    digest_item_bytes: float
    article_bytes: float
    redis_base_bytes: float
    ring_bytes: float
    plan_cpu_us: float
    plan_database_us: float
    letter_cpu_us: float
    letter_database_us: float
    signed_letter_cpu_us: float
    signed_letter_database_us: float
    digest_cpu_us: float
    chat_cpu_us: float
    feed_304_per_s: float
    nginx_304_per_s: float

    @classmethod
    def measured(cls) -> Self:
        """Those of this release."""
        costs = document()["costs"]
        return cls(**{one.name: float(costs[one.name]["value"]) for one in fields(cls)})

    @property
    def delivery_bytes(self) -> float:
        return self.delivery_table_bytes + self.delivery_index_bytes


def document() -> Mapping[str, Any]:
    """What the bench wrote: when and on which machine, and each value with its source."""
    found: Mapping[str, Any] = json.loads(
        files(__package__).joinpath("costs.json").read_text(encoding="utf-8")
    )
    return found
