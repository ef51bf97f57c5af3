"""`python -m tests.bench.scale.document`: the tables of `docs/scale.md`, from what was measured.

Rewrites what stands between its markers, from `costs.json`, `simulation.json` and `days.json`,
which `python -m tests.bench.simulate` prints; the words around them are written by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from service.capacity.costs import Costs, document
from service.capacity.load import Load
from service.capacity.picture import cells, draw
from service.capacity.plan import Means, Plan, plan

DOCS = Path(__file__).parents[3] / "docs"
LOAD = Load(subscribers=4e6, articles=300)
GROWTH = (0.01, 0.1, 1, 10)


def main() -> None:
    plans = [plan(LOAD.times(factor), Means(), Costs.measured()) for factor in GROWTH]
    (DOCS / "performance" / "capacity.svg").write_text(draw(plans), encoding="utf-8")
    file = DOCS / "scale.md"
    text = file.read_text(encoding="utf-8")
    tables = {"costs": costs(), "growth": growth(plans), "compared": compared(), "days": days()}
    for name, table in tables.items():
        between = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(between, lambda m, t=table: f"{m[1]}\n{t}\n\n{m[2]}", text, flags=re.DOTALL)
    file.write_text(text, encoding="utf-8")


def costs() -> str:
    rows = [
        f"|`{name}`|{one['value']:,g} {one['unit']}|{one['source']}|"
        for name, one in document()["costs"].items()
    ]
    return "\n".join(["|cost|value|measured by|", "|---|---:|---|", *rows])


def growth(plans: list[Plan]) -> str:
    heads = "|subscribers|rows kept|GB kept|letters/s|relays|nodes|minutes to all|database cores|"
    rows = [f"|{'|'.join(cells(one))}|{one.database_cores}|" for one in plans]
    return "\n".join([heads, "|---:" * 8 + "|", *rows])


def compared() -> str:
    found = json.loads((DOCS / "performance" / "simulation.json").read_text(encoding="utf-8"))
    rows = [
        f"|{name}|{one['measured_s']:,.2f}|{one['simulated_s']:,.2f}|{one['error']:+.0%}|"
        for name, one in found["percentiles"].items()
    ]
    said = (
        f"{found['letters']:,} letters in {found['articles']} articles, {found['answer_s']} s for "
        f"each letter; load average of the machine {found['load_average']}."
    )
    heads = ["|delay|measured, s|simulated, s|error|", "|---|---:|---:|---:|"]
    return "\n".join([said, "", *heads, *rows])


def days() -> str:
    found = json.loads((DOCS / "performance" / "days.json").read_text(encoding="utf-8"))
    lines = ["|day|priority|letters|p50, s|p90, s|p99, s|p99.9, s|", "|---|---" + "|---:" * 5 + "|"]
    for name, priorities in found.items():
        for priority, of in priorities.items():
            shown = "|".join(f"{of[part]:,.1f}" for part in ("p50", "p90", "p99", "p99.9"))
            lines.append(f"|{name}|{priority}|{of['letters']:,}|{shown}|")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
