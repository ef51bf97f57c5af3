"""From load, means and costs to rows, bytes, processes and minutes; and what is the bottleneck."""

from __future__ import annotations

import math
from dataclasses import dataclass

from service.capacity.costs import Costs
from service.capacity.load import Load

BUSY = 0.7  # of a core or a relay, at most, in the busiest hour: beyond that, lines grow
BATCH = 850  # deliveries of one: a thousand, less the room that is left when they are laid out
PARTITION_DAYS = 9  # that rows outlive the retention: eight for a partition, one for the night


@dataclass(frozen=True)
class Means:
    """What is there, or 0 where the plan is to say how many are needed.

    `relay_s`: letters a second that one relay takes. `workers`: processes of one node that send.
    """

    relay_s: float = 500.0
    relays: int = 0
    workers: int = 4
    nodes: int = 0
    database_cores: int = 0


@dataclass(frozen=True)
class Resource:
    """`load` and `limit` in the same unit; a limit of what the plan chose is enough by itself."""

    name: str
    unit: str
    load: float
    limit: float

    @property
    def use(self) -> float:
        return self.load / self.limit


@dataclass(frozen=True)
class Plan:
    """The answer. Bytes are those of PostgreSQL, indexes included; `…_s` are per second."""

    load: Load
    deliveries_day: float
    letters_day: float
    rows_day: float
    rows_kept: float
    ledger_bytes: float
    other_bytes: float
    log_bytes_day: float
    peak_s: float
    peak_letters_s: float
    processes: int
    nodes: int
    relays: int
    database_cores: int
    web_processes: int
    redis_bytes: float
    rate_s: float  # letters that all of it together sends in a second
    article_min: float  # until the last one is told, of an article of the usual reach
    everybody_min: float  # the same of one that goes to all
    digest_min: float
    resources: tuple[Resource, ...]

    @property
    def bytes(self) -> float:
        return self.ledger_bytes + self.other_bytes

    @property
    def bottleneck(self) -> Resource:
        """What is used most in the busiest hour."""
        return max(self.resources, key=lambda one: one.use)

    @property
    def holds(self) -> bool:
        """Whether the busiest hour's letters leave in that hour."""
        return self.bottleneck.use <= 1.0


def plan(load: Load, means: Means, costs: Costs) -> Plan:
    """What this load needs, and what these means make of it."""
    by_mail, by_chat = load.told_at_once
    letter_us = costs.signed_letter_cpu_us if load.is_signed else costs.letter_cpu_us
    letter_database_us = (
        costs.signed_letter_database_us if load.is_signed else costs.letter_database_us
    ) + costs.plan_database_us

    deliveries = load.articles * load.reach * (by_mail + by_chat)
    rows = deliveries + load.digest_letters + load.digest_items + load.articles
    hourly = load.busiest_hour * load.reach
    letters_s, chats_s = hourly * by_mail / 3600, hourly * by_chat / 3600
    both_s = letters_s + chats_s

    # Cores: of workers, which render, sign and settle; of the database, which plans and settles.
    work = (letters_s * letter_us + chats_s * costs.chat_cpu_us + both_s * costs.plan_cpu_us) / 1e6
    stored = both_s * letter_database_us / 1e6
    nodes = means.nodes or max(math.ceil(work / BUSY / means.workers), 1)
    processes = nodes * means.workers
    relays = means.relays or max(math.ceil(letters_s / BUSY / means.relay_s), 1)
    cores = means.database_cores or max(math.ceil(stored / BUSY), 1)
    rate = min(
        relays * means.relay_s, processes * 1e6 / letter_us, cores * 1e6 / letter_database_us
    )

    return Plan(
        load=load,
        deliveries_day=deliveries,
        letters_day=load.articles * load.reach * by_mail + load.digest_letters,
        rows_day=rows,
        rows_kept=rows * _kept_days(load),
        ledger_bytes=_ledger_day(load, deliveries, costs) * _kept_days(load),
        other_bytes=_other(load, costs),
        log_bytes_day=(deliveries + load.digest_letters) * costs.delivery_log_bytes,
        peak_s=both_s,
        peak_letters_s=letters_s,
        processes=processes,
        nodes=nodes,
        relays=relays,
        database_cores=cores,
        web_processes=max(math.ceil(load.feed_requests_s / costs.feed_304_per_s / BUSY), 1),
        redis_bytes=costs.redis_base_bytes + (by_mail + by_chat) / BATCH * costs.ring_bytes,
        rate_s=rate,
        article_min=by_mail * load.reach / rate / 60,
        everybody_min=load.subscribers * load.mail / rate / 60,
        digest_min=load.digest_letters
        / min(relays * means.relay_s, processes * 1e6 / costs.digest_cpu_us)
        / 60,
        resources=(
            Resource("relays", "letters/s", letters_s, relays * means.relay_s),
            Resource("workers", "cores", work, processes),
            Resource("database", "cores", stored, cores),
        ),
    )


def _kept_days(load: Load) -> int:
    return load.retention_days + PARTITION_DAYS


def _ledger_day(load: Load, deliveries: float, costs: Costs) -> float:
    """Bytes that a day adds to what retention will take away."""
    each = costs.delivery_bytes + costs.batch_bytes + load.failing * costs.answer_bytes
    return (deliveries + load.digest_letters) * each + load.digest_items * costs.digest_item_bytes


def _other(load: Load, costs: Costs) -> float:
    """Bytes of people, and of a year's articles, which stay."""
    person = costs.subscriber_bytes + costs.destination_bytes + 2 * costs.consent_bytes
    person += load.topics_each * costs.subscription_bytes
    known = load.subscribers * (load.mail + load.chat)  # who reads feeds alone is not known
    return known * person + load.articles * 365 * costs.article_bytes
