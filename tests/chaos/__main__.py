"""`make chaos`: hurt a running Tellal in every way of the table and count what was lost.

QUICK=1 hurts each process once; otherwise CHAOS_ROUNDS times (5), at random moments (CHAOS_SEED).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable

from tests.chaos.city import Arrival, City

LATEST_KILL_S = 1.0  # an article is through in about this time, so the kill falls into its way


def kill_case(name: str) -> Callable[[City, str, random.Random], Arrival]:
    """kill -9 one process while an article is on its way."""

    def run(city: City, mark: str, chance: random.Random) -> Arrival:
        since = time.monotonic()
        status_url = city.post(mark)
        time.sleep(chance.uniform(0, LATEST_KILL_S))
        city.kill(name)
        return city.wait_for_arrival(mark, status_url, since)

    return run


def flush_case(city: City, mark: str, _chance: random.Random) -> Arrival:
    """FLUSHALL between the 202 and the classification, which is held up for that long."""
    city.freeze("stages", is_frozen=True)
    since = time.monotonic()
    try:
        status_url = city.post(mark)
        city.flush_redis()
    finally:
        city.freeze("stages", is_frozen=False)
    return city.wait_for_arrival(mark, status_url, since)


def freeze_case(city: City, mark: str, _chance: random.Random) -> Arrival:
    """Redis answers nobody for five seconds while an article comes."""
    city.freeze("redis", is_frozen=True)
    since = time.monotonic()
    try:
        status_url = city.post(mark)
        time.sleep(5)
    finally:
        city.freeze("redis", is_frozen=False)
    return city.wait_for_arrival(mark, status_url, since)


def main() -> int:
    """Run the table; exit 1 where anything was lost, doubled, or does not add up."""
    is_quick = os.environ.get("QUICK") == "1"
    rounds = 1 if is_quick else int(os.environ.get("CHAOS_ROUNDS", "5"))
    chance = random.Random(int(os.environ.get("CHAOS_SEED", "1")))
    totals = {"runs": 0, "lost": 0, "doubled": 0, "unknown": 0}
    slowest = 0.0
    with City() as city:
        cases = {
            "FLUSHALL before classify": flush_case,
            "Redis frozen 5 s": freeze_case,
            **{f"kill -9 {name}": kill_case(name) for name in city.processes()},
        }
        print(
            f"{'fault':28} {'feed':>5} {'mail':>5} {'chat':>5} {'lost':>5} "
            f"{'doubled':>8} {'unknown':>8} {'seconds':>8}"
        )
        for number in range(rounds):
            for index, (name, case) in enumerate(cases.items()):
                found = case(city, f"m{number}x{index}", chance)
                print(
                    f"{name:28} {found.feed:5} {found.mail:5} {found.chat:5} "
                    f"{found.lost:5} {found.doubled:8} "
                    f"{found.unknown:8} {found.seconds:8.1f}",
                    flush=True,
                )
                totals["runs"] += 1
                totals["lost"] += found.lost
                totals["doubled"] += found.doubled
                totals["unknown"] += found.unknown
                slowest = max(slowest, found.seconds)
        findings = city.audit()
    for finding in findings:
        print(f"audit: {finding}")
    print(json.dumps({**totals, "slowest_s": round(slowest, 1), "audit_findings": len(findings)}))
    return int(bool(totals["lost"] or totals["doubled"] or findings))


if __name__ == "__main__":
    sys.exit(main())
