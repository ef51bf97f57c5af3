"""`python -m tests.bench.simulate`: a day of a large city, with peaks, slow domains and an outage.

Prints the seconds from an article's release to the answers for its letters, by priority: a plain
day, one with a provider that closes for an hour, and one whose relays are away for half an hour.
Deterministic by `--seed`. Costs are those of `service/capacity/costs.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

import numpy as np

from service.capacity.costs import Costs
from service.capacity.load import Load
from service.capacity.plan import Means, plan
from tests.bench.scale.day import Day, parts
from tests.bench.scale.scenario import LANES, Article, H, Relay, Scenario

# Weights of the hours: a morning and an evening peak, little at night.
HOURS = (0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 12, 10, 8, 8, 9, 10, 12, 9, 6, 4, 3, 2, 1, 0)
URGENT_EVERY = 50  # articles


def articles(load: Load, seed: int) -> tuple[Article, ...]:
    """Those of a day: they come by the hours; how many they concern varies around the mean."""
    chance = np.random.default_rng(seed)
    count = round(load.articles)
    weights = np.array(HOURS, dtype=float) / sum(HOURS)
    hours = chance.choice(24, size=count, p=weights)
    times = sorted((hours + chance.random(count)) * H)
    by_mail, _ = load.told_at_once
    spread = chance.lognormal(-0.125, 0.5, count)  # of mean 1
    found = []
    for number, (at, factor) in enumerate(zip(times, spread, strict=True)):
        readers = min(round(by_mail * load.reach * factor), round(by_mail))
        found.append(Article(float(at), readers, is_urgent=number % URGENT_EVERY == 0))
    return tuple(found)


def city(load: Load, means: Means, seed: int) -> Scenario:
    """The plan's own means, with the plan's own costs."""
    costs = Costs.measured()
    found = plan(load, means, costs)
    us = costs.signed_letter_cpu_us if load.is_signed else costs.letter_cpu_us
    return Scenario(
        articles=articles(load, seed),
        relays=tuple(Relay(means.relay_s) for _ in range(found.relays)),
        processes=found.processes,
        letter_s=us / 1e6,
        plan_s=(costs.plan_cpu_us + costs.plan_database_us) / 1e6,
        sign_ups=1_000,
        digest_readers=round(load.digest_letters),
        most_links=None,
        seed=seed,
    )


def troubled(plain: Scenario) -> dict[str, Scenario]:
    """The same day with what goes wrong."""
    noon = 11 * H
    closed = replace(LANES[0], closed=((noon, noon + H),))
    away = [replace(one, down=((noon, noon + H / 2),)) for one in plain.relays]
    half = (*away[: max(len(away) // 2, 1)], *plain.relays[max(len(away) // 2, 1) :])
    return {
        "a plain day": plain,
        "gmail closes for an hour": replace(plain, lanes=(closed, *LANES[1:])),
        "half of the relays away, 30 min": replace(plain, relays=half),
        "all relays away, 30 min": replace(plain, relays=tuple(away)),
    }


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    said.add_argument("--subscribers", type=float, default=4e6)
    said.add_argument("--articles", type=float, default=300)
    said.add_argument("--relay-s", type=float, default=Means.relay_s)
    said.add_argument("--links", type=int, help="of a lane, where providers allow more than usual")
    said.add_argument("--seed", type=int, default=1)
    given = said.parse_args()
    load = Load(subscribers=given.subscribers, articles=given.articles)
    plain = replace(city(load, Means(relay_s=given.relay_s), given.seed), most_links=given.links)
    results = {}
    for name, scenario in troubled(plain).items():
        began = time.perf_counter()
        day = Day(scenario).run()
        took = time.perf_counter() - began
        results[name] = parts(day)
        print(
            f"\n{name}: {day.planned:,} letters planned, {day.expired:,} given up, "
            f"{day.events:,} events in {took:.1f} s",
            file=sys.stderr,
        )
        print(
            f"{'priority':14} {'letters':>12} "
            + " ".join(f"{part:>10}" for part in ("p50", "p90", "p99", "p99.9", "last")),
            file=sys.stderr,
        )
        for priority, found in results[name].items():
            print(
                f"{priority:14} {found['letters']:12,} "
                + " ".join(
                    f"{found[part]:10,.1f}" for part in ("p50", "p90", "p99", "p99.9", "last")
                ),
                file=sys.stderr,
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
