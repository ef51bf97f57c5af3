"""From runs to figures: the medians of all rounds, and what they are by each other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tests.bench.mail.rows import APPRISE, OPENSSL, OURS, SIGNED, SMTP_SOURCE, SMTPLIB, WORKER
from tests.bench.mail.run import Run

Key = tuple[str, int]  # the row's name and its round trip
Found = Mapping[Key, Run]


def median(runs: Sequence[Run]) -> Run:
    """The median rate, and the largest memory."""
    return Run(statistics.median(run.rate for run in runs), max(run.rss_mb for run in runs))


def figures(found: Found) -> dict[str, float | None]:
    """The ratios that are promised, and megabytes; null where a row was not measured."""
    worker = found.get((WORKER, 0))
    return {
        "unsigned_vs_smtp_source": ratio(found, (OURS, 0), (SMTP_SOURCE, 0)),
        "signed_vs_openssl": ratio(found, (SIGNED, 0), (OPENSSL, 0)),
        "worker_vs_bare": ratio(found, (WORKER, 0), (SIGNED, 0)),
        "at_20ms_vs_smtplib": ratio(found, (OURS, 20), (SMTPLIB, 20)),
        "vs_apprise": ratio(found, (OURS, 0), (APPRISE, 0)),
        "rss_mb": worker.rss_mb if worker else None,
    }


def ratio(found: Found, one: Key, other: Key) -> float | None:
    """Three digits are more than two runs on a busy machine agree in."""
    if one not in found or other not in found:
        return None
    return float(f"{found[one].rate / found[other].rate:.3g}")


def table(found: Found) -> list[str]:
    """All rows as Markdown, by distance; each also by smtp-source at the same distance."""
    lines = [
        "|sender|round trip, ms|a second|of smtp-source|peak memory, MB|",
        "|---|---:|---:|---:|---:|",
    ]
    for (name, trip), run in sorted(found.items(), key=lambda one: (one[0][1], -one[1].rate)):
        share = ratio(found, (name, trip), (SMTP_SOURCE, trip))
        shown = "" if name == OPENSSL or share is None else f"{share:.1%}"
        lines.append(f"|{name}|{trip}|{_short(run.rate)}|{shown}|{run.rss_mb:.0f}|")
    return lines


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
