"""`make bench-digest`: a day's digests planned against bare SQL, each letter against an oracle.

100,000 readers × 30 articles (QUICK=1: 10,000, and the document is left alone), on SQLite and
PostgreSQL. Prints its table to standard error and the figures as JSON, and writes
`docs/performance/digest.md` with its picture.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from service import logs
from tests.bench.digest.bare import copy, keep, match_and_insert
from tests.bench.digest.city import FIRST, City
from tests.bench.digest.letters import letters_per_s
from tests.bench.digest.plot import draw
from tests.bench.ledger.scene import scenes
from tests.digest_oracle import heard_at_once, matching
from workers.plan import plan_notification

ROUNDS = 3
SAMPLED = 1_000
ARTICLES = 30
FOLDER = Path(__file__).parents[3] / "docs" / "performance"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def mismatches(city: City, notification: int) -> int:
    """How many of the sampled readers were planned anything else than the oracle says."""
    readers = random.Random(2).sample(range(FIRST, FIRST + city.readers), SAMPLED)
    planned, wrong = city.items(notification, readers), 0
    for number in readers:
        person = city.people[number]
        person = replace(person, heard=heard_at_once(person, city.articles))
        expected = matching(person, city.articles, "daily")
        wrong += sorted(planned.get(number, [])) != sorted(expected)
    return wrong


def measure(city: City) -> dict[str, float]:
    """The medians of one database; the two ways take turns."""
    planned_s, bare_s, copy_s, wrong = [], [], [], 0
    readers = items = 0
    for _ in range(ROUNDS):
        notification = city.digest()
        started = time.perf_counter()
        plan_notification(city.runtime, notification)
        planned_s.append(time.perf_counter() - started)
        readers, items = city.count(notification)
        wrong += mismatches(city, notification)
        keep(city.runtime.db, notification)
        city.empty()
        copy_s.append(copy(city.runtime.db, notification))
        city.empty()
        bare_s.append(match_and_insert(city.runtime.db, notification))
        say(f"{city.scene.name:11} {readers:9,} {items:10,} {bare_s[-1]:8.2f} {planned_s[-1]:8.2f}")
    notification = city.digest()
    plan_notification(city.runtime, notification)
    return {
        "readers": readers,
        "items": items,
        "persons_per_s": round(readers / statistics.median(planned_s)),
        "vs_bare_sql": round(
            statistics.median(b / p for b, p in zip(bare_s, planned_s, strict=True)), 2
        ),
        "vs_copy": round(
            statistics.median(c / p for c, p in zip(copy_s, planned_s, strict=True)), 2
        ),
        "oracle_mismatches": wrong,
        "letters_per_s": round(letters_per_s(city.runtime, notification)),
    }


def main() -> None:
    logs.configure("ERROR")
    is_quick = os.environ.get("QUICK") == "1"
    readers = 10_000 if is_quick else 100_000
    found: dict[str, dict[str, float]] = {}
    say(f"{'database':11} {'readers':>9} {'items':>10} {'bare s':>8} {'plan s':>8}")
    with scenes((1,)) as each:
        for scene in each:
            found[scene.name] = measure(City(scene, readers, ARTICLES))
    if not is_quick:
        write(found)
    print(
        json.dumps(
            {
                "persons_per_s": min(one["persons_per_s"] for one in found.values()),
                "vs_bare_sql": min(one["vs_bare_sql"] for one in found.values()),
                "oracle_mismatches": sum(one["oracle_mismatches"] for one in found.values()),
                "letters_per_s": min(one["letters_per_s"] for one in found.values()),
                **found,
            }
        )
    )


def write(found: dict[str, dict[str, float]]) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "digest.svg").write_text(draw(found), encoding="utf-8")
    names = list(next(iter(found.values())))
    figures = "\n".join(
        f"|{name}|" + "|".join(f"{of[name]:,g}" for of in found.values()) + "|" for name in names
    )
    (FOLDER / "digest.md").write_text(
        f"""# What digests cost

Written by `make bench-digest`; do not edit. Two shared cores, both databases on the same disk, a
real Redis that is rung. 100,000 readers with one to four wishes each (any of the topics or all, a
district or the whole city, three in five daily), 30 articles of one day.

|figure|{"|".join(found)}|
|---|{"---:|" * len(found)}
{figures}

`vs_bare_sql`: the rate of planning against one bare statement that makes the same matches from the
labels and inserts them, and a second one for the deliveries: no ranges, no batches, no look at who
heard of it already. `vs_copy`: the same against copying the items from a table that holds them
already, where nothing is matched at all. `oracle_mismatches`: of {SAMPLED:,} sampled readers in
each of {ROUNDS} rounds, those who were planned anything else than a brute-force oracle in Python
says. `letters_per_s`: of one core's time, to look at each reader's items once more, write the
letter and sign it (RSA).

![Readers planned and letters written a second](digest.svg)
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
