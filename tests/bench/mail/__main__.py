"""`make bench-mail`: letters a second, near and far, against the tools that operators know.

QUICK=1: a fifth of the letters in one round, and the document is left alone. SOAK=600: seconds that
the soak lasts. Prints its tables to standard error and the figures as JSON, and writes
`docs/performance/email.md` with its picture.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from service import logs
from tests.bench.mail import document, lanes, letters, memory, peers, render, soak
from tests.bench.mail.figures import Figures, Key, figures, judged, median, rounded, table
from tests.bench.mail.rows import (
    LETTERS,
    QUICK,
    ROUND_TRIPS_MS,
    ROUNDS,
    Ready,
    all_rows,
)
from tests.bench.mail.run import Run, of_smtp_source

EXIT_MISSING = 3
CROWD, MANY = 200, 20_000  # connections and letters that show what the longer way can carry
TWO_LANES = 40_000  # letters, half of them to the slow one
LESS = 100_000  # recipients, instead of a million, with QUICK
NO_MAILMAN = (
    "bench-mail: Mailman 3 is left out: install Debian's mailman3, or name a Python that has "
    "it from PyPI by TELLAL_BENCH_MAILMAN"
)
NO_RELAY = "bench-mail: rows with Postfix are left out: they need root, and Postfix installed"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    logs.configure("ERROR")
    if absent := peers.missing():
        say(f"bench-mail: {absent}")
        sys.exit(EXIT_MISSING)
    if not peers.has_postfix():
        say(NO_RELAY)
    if not peers.mailman():
        say(NO_MAILMAN)
    is_quick = os.environ.get("QUICK") == "1"
    divisor = QUICK if is_quick else 1
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as folder:
        file = Path(folder) / "letters.json"
        ready = Ready(file, letters.write(LETTERS, file))
        way = look_at_the_way(MANY // divisor, ready.length)
        for line in way:
            say(line)
        found = measure(divisor, ready)
        sizes = (memory.FEW, LESS if is_quick else memory.MOST)
        bare, worker = memory.bare(sizes, file, say), memory.worker(sizes, say)
    lasting = soak.measure(float(os.environ.get("SOAK", soak.SECONDS)))
    shown: Figures = {
        **figures(found),
        "memory_bare": rounded(memory.growth(bare)),
        "memory_worker": rounded(memory.growth(worker)),
        "render_vs_email_message": rounded(render.measure(1 if is_quick else 5).ratio),
        "beside_a_slow_lane": rounded(beside_a_slow_lane(TWO_LANES // divisor)),
    }
    peaks = [_peaks("The pipeline alone", bare), _peaks("A whole worker", worker), str(lasting)]
    for line in [*table(found), "", *judged(shown), "", *peaks]:
        say(line)
    if not is_quick:
        document.write(shown, found, way, peaks, ready.length)
    rates = {f"{name}, {trip} ms": round(run.rate, 1) for (name, trip), run in found.items()}
    print(json.dumps({**shown, "per_s": rates}))


def measure(divisor: int, ready: Ready) -> dict[Key, Run]:
    """All rows in turn, three times, each against a fresh server."""
    runs: dict[Key, list[Run]] = {}
    for number in range(ROUNDS):
        for row in all_rows():
            count = max(1, row.count // divisor)
            with row.server() as port, peers.away(port, row.round_trip_ms) as far:
                run = row.start(far, count, ready)
            runs.setdefault((row.name, row.round_trip_ms), []).append(run)
            say(
                f"round {number + 1}  {row.name:25} {row.round_trip_ms:3} ms  "
                f"{run.rate:10,.1f} a second  {run.rss_mb:6.1f} MB"
            )
    return {key: median(of) for key, of in runs.items()}


def beside_a_slow_lane(count: int) -> float:
    """The median of what the lane `other` sends beside a slow one, by what it sends alone."""
    ratios = []
    for number in range(ROUNDS):
        alone, beside = (lanes.measure(count, is_beside=is_beside) for is_beside in (False, True))
        ratios.append(beside.rate / alone.rate)
        say(
            f"round {number + 1}  a lane alone {alone.rate:,.0f} a second, beside a slow one "
            f"{beside.rate:,.0f}: {ratios[-1]:.2f}"
        )
    return statistics.median(ratios)


def _peaks(whose: str, peaks: memory.Peaks) -> str:
    said = ", ".join(f"{peak:.0f} MB for {size:,}" for size, peak in peaks.items())
    return f"{whose} holds at most {said} recipients."


def look_at_the_way(count: int, length: int) -> list[str]:
    """How long the longer way really is, and what it carries at least."""
    with peers.sink() as port:
        lines = []
        for trip in ROUND_TRIPS_MS:
            with peers.away(port, trip) as far:
                lines.append(f"Asked for {trip} ms: {peers.round_trip_ms(far):.2f} ms.")
        trip = ROUND_TRIPS_MS[1]
        with peers.away(port, trip) as far:
            rate = of_smtp_source(far, count, length, CROWD).rate
    crowd = f"{CROWD} connections of smtp-source, one command at a time, {trip} ms"
    return [*lines, f"It carries at least {rate:,.0f} letters a second ({crowd})."]


if __name__ == "__main__":
    main()
