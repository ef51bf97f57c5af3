"""Meters: what processes count as it happens, added up in Redis for the whole installation.

What the ledger knows is read from the ledger (`service.metrics`); here is what it does not know. A
process counts in its memory, which costs a lock and an addition, and tells Redis every few seconds.
While Redis is away it goes on counting, and tells it later (docs/adr/0044).
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
import redis
from redis.exceptions import RedisError

from service.settings import Settings

KEY = "tellal-meters"  # a hash: a series' name and labels → its total
TELL_EVERY_S = 5.0
TIMEOUT_S = 0.3
BREAKER_S = 5.0  # after a failure Redis is left alone for this long
MOST_SERIES = 5_000  # of a process; labels are of closed sets, and this is the lid on an error
LE = "le"  # of a histogram's series: the number of its bucket follows
SUM = "sum"


@dataclass(frozen=True)
class Count:
    """A counter, as Prometheus has it."""

    name: str
    says: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Spread(Count):
    """A histogram; the last bucket, which has no end, is not named in `edges`."""

    edges: tuple[float, ...]


@dataclass(frozen=True)
class Mark(Count):
    """When something happened last, in seconds since 1970."""


Series = tuple[str | int, ...]

REQUESTS = Count(
    "tellal_http_requests_total",
    "Answers to HTTP requests, by kind of address; feeds-memory: those of the feed door.",
    ("route", "status"),
)
REQUEST_S = Spread(
    "tellal_http_request_duration_seconds",
    "Time that answers to HTTP requests took.",
    ("route",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
ANSWERS = Count(
    "tellal_delivery_answers_total",
    "Tries to deliver and what became of each, as their senders settled it.",
    ("channel", "priority", "outcome"),
)
MAIL_ANSWERS = Count(
    "tellal_mail_answers_total",
    "Letters that were tried and what became of each, by provider; other: all other domains.",
    ("lane", "outcome"),
)
DELAY_S = Spread(
    "tellal_delivery_delay_seconds",
    "Time to delivery from the publication of an article, or from its coming in where that was "
    "over 15 minutes later (of other messages: from their making).",
    ("channel", "priority"),
    (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 86_400),
)
FOUND = Count(
    "tellal_sweeper_found_total",
    "Rows that the sweeper found because no doorbell was heard, and whether it could ring again.",
    ("task", "rung"),
)
DONE = Count(
    "tellal_sweeper_done_total",
    "What the sweeper saw to beside the rows that it rings for.",
    ("what",),
)
CHORE_DONE = Mark(
    "tellal_chore_last_success_timestamp_seconds",
    "When a chore that the scheduler rings for ended well last.",
    ("task",),
)
COUNTS: tuple[Count, ...] = (REQUESTS, ANSWERS, MAIL_ANSWERS, FOUND, DONE)
SPREADS: tuple[Spread, ...] = (REQUEST_S, DELAY_S)
MARKS: tuple[Mark, ...] = (CHORE_DONE,)


def open_redis(settings: Settings) -> redis.Redis:
    """A client that never lets anybody wait long; it connects at its first command."""
    url = settings.redis_url.get_secret_value() or f"unix://{settings.redis_socket}"
    found: redis.Redis = redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, decode_responses=True
    )
    return found


class Meters:
    """Counts; thread-safe, one per process. A thread tells Redis as long as there is something."""

    def __init__(self, settings: Settings) -> None:
        self._redis = open_redis(settings)
        self._untold: defaultdict[Series, float] = defaultdict(float)
        self._marks: dict[Series, float] = {}
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._ending = threading.Event()
        self._teller: threading.Thread | None = None
        self._away_until = 0.0

    def add(self, meter: Count, *labels: str, count: int = 1) -> None:
        """Count so many more."""
        with self._lock:
            self._add((meter.name, *labels), count)
            self._see_to_telling()

    def observe(self, meter: Spread, seconds: float, *labels: str, count: int = 1) -> None:
        """Count so many that took this long."""
        bucket = bisect_left(meter.edges, seconds)
        with self._lock:
            self._add((meter.name, *labels, LE, bucket), count)
            self._add((meter.name, *labels, SUM), seconds * count)
            self._see_to_telling()

    def mark(self, meter: Mark, *labels: str) -> None:
        """Note that it happened now."""
        with self._lock:
            self._marks[meter.name, *labels] = time.time()
            self._see_to_telling()

    def tell(self) -> bool:
        """Tell Redis what it does not know yet; False where it did not answer, and all is kept.

        One that answers too late may have heard it nevertheless: then these seconds count twice.
        """
        with self._telling:
            with self._lock:
                if time.monotonic() < self._away_until:
                    return False
                untold, marks = self._untold, self._marks
                self._untold, self._marks = defaultdict(float), {}
            if not untold and not marks:
                return True
            try:
                with self._redis.pipeline() as pipeline:
                    for series, count in untold.items():
                        pipeline.hincrbyfloat(KEY, _field(series), count)
                    for series, at in marks.items():
                        pipeline.hset(KEY, _field(series), str(at))
                    pipeline.execute()
            except (RedisError, OSError):
                with self._lock:
                    for series, count in untold.items():
                        self._add(series, count)
                    self._marks = marks | self._marks
                    self._away_until = time.monotonic() + BREAKER_S
                return False
            return True

    def totals(self) -> Mapping[Series, float] | None:
        """What all processes have told, this one's last seconds included; None: Redis is away."""
        if not self.tell():
            return None
        try:
            found: dict[str, str] = self._redis.hgetall(KEY)  # type: ignore[assignment]
        except (RedisError, OSError):
            return None
        return {tuple(orjson.loads(field)): float(value) for field, value in found.items()}

    def close(self) -> None:
        """Tell what is left, and hang up."""
        self._ending.set()
        self.tell()
        self._redis.close()

    def _add(self, series: Series, amount: float) -> None:
        if series in self._untold or len(self._untold) < MOST_SERIES:
            self._untold[series] += amount

    def _see_to_telling(self) -> None:
        if self._teller is None:
            self._teller = threading.Thread(target=self._keep_telling, name="meters", daemon=True)
            self._teller.start()

    def _keep_telling(self) -> None:
        while not self._ending.wait(TELL_EVERY_S):
            self.tell()
            with self._lock:
                if not self._untold and not self._marks:
                    self._teller = None
                    return


def _field(series: Series) -> str:
    return orjson.dumps(series).decode()
