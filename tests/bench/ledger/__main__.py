"""`make bench-ledger`: what the ledger costs, on SQLite and PostgreSQL, in one run.

Up to 1,000,000 readers (QUICK=1: 100,000, and the document is left alone). Prints its tables to
standard error and the figures as JSON, and writes `docs/performance/ledger.md` with its picture.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from service import logs
from tests.bench.ledger import cost, memory, planning, sending
from tests.bench.ledger.cost import Cost
from tests.bench.ledger.plot import draw, table
from tests.bench.ledger.scene import Scene, scenes

ROUNDS = 3
LETTERS = 2_000  # that are really sent
FOLDER = Path(__file__).parents[3] / "docs" / "performance"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def growth(scene: Scene, sizes: tuple[int, ...]) -> list[Cost]:
    """The median cost for each number of readers; the sizes take turns."""
    rounds: dict[int, list[Cost]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size in sizes:
            found = cost.measure(scene, size)
            rounds[size].append(found)
            say(f"{scene.name:11} {size:9,} {found.plan:8.1f} {found.deliver:8.1f}")
    return [sorted(of, key=lambda one: one.whole)[ROUNDS // 2] for of in rounds.values()]


def main() -> None:
    logs.configure("ERROR")
    is_quick = os.environ.get("QUICK") == "1"
    sizes = (10_000, 100_000) if is_quick else (10_000, 100_000, 1_000_000)
    ratios: dict[str, float] = {}
    peaks: dict[str, list[float]] = {}
    costs: dict[str, list[Cost]] = {}
    rates: dict[str, float] = {}
    with scenes((LETTERS, *sizes)) as each:
        for scene in each:
            say(f"{'database':11} {'readers':>9} {'bare s':>8} {'plan s':>8} {'ratio':>7}")
            ratios[scene.name] = planning.measure(scene, sizes[-1], say)
            peaks[scene.name] = [memory.peak_mb(scene, size) for size in (sizes[0], sizes[-1])]
            say(f"{scene.name:11} peak of a planning process, MB: {peaks[scene.name]}")
            say(f"{'database':11} {'letters':>9} {'bare s':>8} {'whole s':>8} {'ratio':>7}")
            rates[scene.name] = sending.measure(scene, LETTERS, say)
            say(f"{'database':11} {'readers':>9} {'plan µs':>8} {'rest µs':>8}")
            costs[scene.name] = growth(scene, sizes)
    found = {f"plan_vs_insert_{name}": round(ratio, 2) for name, ratio in ratios.items()}
    found["memory_1m_vs_10k"] = round(max(last / first for first, last in peaks.values()), 2)
    found["cost_1m_vs_10k"] = round(max(of[-1].whole / of[0].whole for of in costs.values()), 2)
    found["sender_vs_no_ledger"] = round(min(rates.values()), 2)
    if not is_quick:
        write(found, costs)
    grown = {
        name: [[one.size, round(one.plan, 1), round(one.whole, 1)] for one in of]
        for name, of in costs.items()
    }
    print(json.dumps({**found, "cost_us": grown}))


def write(found: dict[str, float], costs: dict[str, list[Cost]]) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "ledger-growth.svg").write_text(draw(costs), encoding="utf-8")
    figures = "\n".join(f"|{name}|{value:g}|" for name, value in found.items())
    (FOLDER / "ledger.md").write_text(
        f"""# What the ledger costs

Written by `make bench-ledger`; do not edit. Two shared cores, SQLite and PostgreSQL on the same
disk, a real Redis that is rung; the sender sends nothing, so that all the time is the ledger's.

|figure|value|
|---|---:|
{figures}

`plan_vs_insert`: the rate of planning against a bare `INSERT … SELECT` of the same rows into the
same table, from a table that holds them already. `memory`: the peak of a process that plans for
the largest number against that for 10,000. `cost`: all that one delivery costs, likewise.
Of a million every tenth batch is delivered, while the ledger holds all of them.
`sender_vs_no_ledger`: letters a second with claim, journal and settling against the same sender
without any, on the worse database.

![Cost of a delivery by the number of readers](ledger-growth.svg)

{table(costs)}
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
