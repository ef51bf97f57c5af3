"""What `make chaos` found, for somebody to read: `docs/chaos.md`, and its picture beside it.

`python -m tests.chaos.report`; reads every file of `var/chaos` whose rows are of full size.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tests.chaos.results import DEFINITION, FOLDER, RECOVERY_S, Results, Row, summary

PAGE = Path("docs/chaos.md")
PICTURE = "chaos.svg"
BAR, LEFT, WIDTH = 14, 250, 800  # pixels of the picture
COLOURS = {"sqlite": "#2a7f9e", "postgresql": "#d9822b"}


def main() -> int:
    """Write the page; 1 where there is nothing to tell."""
    rows = kept(FOLDER)
    if not rows:
        print(f"nothing in {FOLDER}: run `make chaos` first", file=sys.stderr)
        return 1
    PAGE.write_text(page(rows), encoding="utf-8")
    (PAGE.parent / PICTURE).write_text(picture(rows), encoding="utf-8")
    return 0


def kept(folder: Path) -> list[Row]:
    """The rows of every database and seed, of those with the most deliveries."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        database, _, seed = path.stem.partition("-")
        if seed.isdigit():
            rows += Results(database, int(seed), folder).rows()
    most = max((row.deliveries for row in rows), default=0)
    return [row for row in rows if row.deliveries == most]


def page(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    total = summary(rows)
    seeds = ", ".join(sorted({str(row.seed) for row in rows}))
    lines = [
        "# What `make chaos` found",
        "",
        f"{total['faults']} rows of {rows[0].deliveries:,} deliveries, seeds {seeds}: "
        f"{total['lost']} lost, {total['doubled']} doubled outside unknown, {total['unknown']} "
        f"unknown, slowest recovery {total['worst_recovery_s']} s.",
        "",
        "Unknown / cut: deliveries that the ledger says were in doubt, and the open connections "
        f"that the fault cut, which bound them. {DEFINITION[0].upper()}{DEFINITION[1:]}.",
        "",
        f"![Recovery after each fault]({PICTURE})",
        "",
        "| fault | database | seed | lost | doubled (of these, unknown) | unknown / cut "
        "| recovery s | seconds | |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_line, rows),
    ]
    return "\n".join(lines) + "\n"


def picture(rows: Sequence[Row]) -> str:
    """A bar for the worst recovery of each fault and database, and a line at what is promised."""
    worst: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if not row.not_run:
            worst[row.fault][row.db] = max(worst[row.fault].get(row.db, 0.0), row.recovery_s)
    longest = max([RECOVERY_S, *(value for found in worst.values() for value in found.values())])
    scale = (WIDTH - LEFT - 40) / longest
    parts, y = [], 10
    for fault, found in worst.items():
        parts.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(fault)}</text>')
        for database, seconds in found.items():
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{max(seconds * scale, 1):.1f}" '
                f'height="{BAR - 3}" fill="{COLOURS[database]}">'
                f"<title>{escape(fault)}, {database}: {seconds} s</title></rect>"
            )
            y += BAR
        y += 4
    limit = LEFT + RECOVERY_S * scale
    parts.append(f'<path d="M{limit:.1f} 0V{y}" stroke="#b00" stroke-dasharray="4"/>')
    parts.append(f'<text x="{limit - 4:.1f}" y="{y + 14}" text-anchor="end">60 s</text>')
    for number, (database, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{10 + number * 90}" y="{y + 14}" fill="{colour}">{database}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 24}" '
        f'font-family="sans-serif" font-size="11">\n{body}\n</svg>\n'
    )


def _line(row: Row) -> str:
    if row.not_run:
        return f"| {row.fault} | {row.db} | {row.seed} | | | | | | not run: {row.not_run} |"
    said = "**failed**: " + ", ".join(row.failures) if row.failures else ""
    name = f"{row.fault}: {', '.join(row.parts)}" if row.parts else row.fault
    return (
        f"| {name} | {row.db} | {row.seed} | {row.lost} | {row.doubled} ({row.doubled_unknown}) "
        f"| {row.unknown} / {row.limit} | {row.recovery_s} | {row.total_s} | {said} |"
    )


if __name__ == "__main__":
    sys.exit(main())
