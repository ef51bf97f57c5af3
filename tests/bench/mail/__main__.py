"""`make bench-mail`: letters a second, near and far, against the tools that operators know.

QUICK=1: a fifth of the letters, and the document is left alone. Prints its tables to standard error
and the figures as JSON, and writes `docs/performance/email.md` with its picture.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from tests.bench.mail import letters, machine, peers
from tests.bench.mail.figures import Found, Key, figures, median, table
from tests.bench.mail.plot import draw
from tests.bench.mail.rows import LETTERS, OPENSSL, QUICK, ROUND_TRIPS_MS, ROWS, Ready
from tests.bench.mail.run import Run, of_smtp_source

ROUNDS = 3
EXIT_MISSING = 3
CROWD, MANY = 200, 20_000  # connections and letters that show what the longer way can carry
FOLDER = Path(__file__).parents[3] / "docs" / "performance"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    if absent := peers.missing():
        say(f"bench-mail: {absent}")
        sys.exit(EXIT_MISSING)
    is_quick = os.environ.get("QUICK") == "1"
    divisor = QUICK if is_quick else 1
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as folder:
        file = Path(folder) / "letters.json"
        ready = Ready(file, letters.write(LETTERS, file))
        way = look_at_the_way(MANY // divisor, ready.length)
        for line in way:
            say(line)
        found = measure(divisor, ready)
    for line in table(found):
        say(line)
    shown = figures(found)
    if not is_quick:
        write(shown, found, way, ready.length)
    print(json.dumps(shown))


def measure(divisor: int, ready: Ready) -> dict[Key, Run]:
    """All rows in turn, three times, each against a fresh server."""
    runs: dict[Key, list[Run]] = {}
    for number in range(ROUNDS):
        for row in ROWS:
            count = max(1, row.count // divisor)
            with peers.sink() as port, peers.away(port, row.round_trip_ms) as far:
                run = row.start(far, count, ready)
            runs.setdefault((row.name, row.round_trip_ms), []).append(run)
            say(
                f"round {number + 1}  {row.name:22} {row.round_trip_ms:3} ms  "
                f"{run.rate:10,.1f} a second  {run.rss_mb:6.1f} MB"
            )
    return {key: median(of) for key, of in runs.items()}


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


def write(shown: dict[str, float | None], found: Found, way: list[str], length: int) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "email.svg").write_text(draw(found), encoding="utf-8")
    rows = [f"|{name}|{value:g}|" for name, value in shown.items() if value is not None]
    head = ["", "|figure|value|", "|---|---:|"] if rows else []
    lines = [
        "# How fast letters leave",
        "",
        "Written by `make bench-mail`; do not edit.",
        *head,
        *rows,
        "",
        "![Letters a second by sender and distance](email.svg)",
        "",
        *table(found),
        "",
        "## How it is measured",
        "",
        f"Letters are the product's own: Turkish, multipart, {length:,} bytes. `smtp-sink` of",
        "Postfix takes them, on the same cores as the sender. Sixteen connections stay open, but",
        "Apprise opens one for each letter. `smtp-source -d -s16` sends as many bytes of its own.",
        f"`{OPENSSL} -multi 2 rsa2048` says how many signatures all cores could make.",
        "",
        "Each run is a process of its own, whose peak memory (VmHWM, with its children) is looked",
        f"at while it sends. {ROUNDS} rounds, in each of them all rows in turn; the median counts.",
        "For a distant server a proxy of our own passes each byte on half a round trip later:",
        "",
        *(f"- {line}" for line in way),
        "",
        "The machine:",
        "",
        *(f"- {line}" for line in machine.facts()),
        "",
    ]
    (FOLDER / "email.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
