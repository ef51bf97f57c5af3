"""`make bench-classify`: how right, how sure and how fast the classification is.

Prints the table of the classification guide, section 10, and one JSON line; progress goes to
stderr. Data at TELLAL_BENCH_DATA; without, only what tests/data holds. QUICK=1 draws fewer
bootstrap samples and leaves docs/accuracy.md alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from tests.bench.accuracy import (
    articles,
    city,
    cost,
    curve,
    growth,
    press,
    report,
    stories,
    synthetic,
)
from tests.bench.accuracy.curve import Curve
from tests.bench.accuracy.data import Evaluation, folder, load, shipped
from tests.bench.accuracy.row import Row

_STARTED = time.perf_counter()


def say(text: str) -> None:
    print(f"{time.perf_counter() - _STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def collect(rows: Iterable[Row]) -> list[Row]:
    """Take rows as they are measured, and tell of each."""
    found = []
    for row in rows:
        say(f"{row.name}: {row.ours}")
        found.append(row)
    return found


def measure(data: Evaluation) -> tuple[list[Row], list[Curve]]:
    rows = collect(press.rows_of(data))
    say("synthetic articles of one or two topics")
    drawn = synthetic.measure(data)
    rows += collect(synthetic.rows_of(drawn))
    curves = []
    for one in (*curve.curves_of(data), synthetic.curve_of(drawn)):
        say(f"learning curve: {one.name}")
        curves.append(one)
    rows += collect([curve.row_of(curves)])
    rows += collect(city.rows_of(data, shipped()))
    rows += collect(stories.rows_of(data))
    rows += collect(cost.rows_of(data))
    return rows, curves


def main() -> None:
    is_quick = os.environ.get("QUICK") == "1"
    classifier = shipped()
    rows = collect(city.small_rows(classifier))
    rows += collect(cost.small_rows(classifier))
    say("texts that nobody writes in earnest, up to 5 MB")
    grown = list(growth.measure(classifier))
    rows += collect([growth.row_of(grown)])
    root = folder()
    if root is None:
        say("TELLAL_BENCH_DATA is not set: the rows that need its data are left out")
    else:
        found, curves = measure(load(root, is_quick))
        rows += found
        if not is_quick:
            report.write(rows, curves, grown, articles.shown())
            say("wrote docs/accuracy.md and its two pictures")
    print(report.table(rows))
    print(report.json_line(rows))


if __name__ == "__main__":
    main()
