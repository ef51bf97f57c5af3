"""Figures that other benches have measured and written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench.scale.figure import Figure

FOLDER = Path(__file__).parents[3] / "docs" / "performance"


def letters_of_digests() -> Figure:
    """Microseconds of one core to look at a digest once more, write it and sign it."""
    row = _row("digest.md", "letters_per_s")
    return Figure("digest_cpu_us", round(1e6 / row[1], 1), "µs", "docs/performance/digest.md")


def planning() -> Figure:
    """Microseconds to plan one delivery of a million, of which nearly all are the database's; of
    few readers it would be the time that an article takes by itself."""
    found = _row("ledger.md", "postgresql|1,000,000")
    return Figure("plan_database_us", found[0], "µs", "docs/performance/ledger.md")


def feeds() -> Iterator[Figure]:
    """Answers a second of one web process, and of nginx before it."""
    source = "docs/performance/feeds.md"
    yield Figure("feed_304_per_s", _row("feeds.md", "ours 304")[0], "1/s", source)
    yield Figure("nginx_304_per_s", _row("feeds.md", "nginx cache 304")[0], "1/s", source)


def _row(name: str, first: str) -> list[float]:
    """The numbers of a table's row."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    found = re.search(rf"^\|{re.escape(first)}\|(.*)\|$", text, re.MULTILINE)
    assert found, f"{name} has no row {first}"
    return [float(cell.replace(",", "")) for cell in found[1].split("|")]
