"""From runs to figures: the medians of all rounds, what they are by each other, and their bars."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tests.bench.mail.rows import (
    APPRISE,
    MAILMAN,
    OPENSSL,
    OURS,
    RELAYED,
    SIGNED,
    SIGNED_RELAYED,
    SMTP_SOURCE,
    SMTPLIB,
    WORKER,
    WORKER_POSTGRESQL,
)
from tests.bench.mail.run import Run

Key = tuple[str, int]  # the row's name and its round trip
Found = Mapping[Key, Run]
Figures = Mapping[str, float | None]

AT_LEAST = {
    "unsigned_vs_smtp_source": 1.2,
    "signed_vs_openssl": 0.55,
    "worker_vs_bare": 0.8,
    "at_20ms_vs_smtplib": 2.5,
    "vs_postfix_source": 0.5,
    "render_vs_email_message": 100,
    "beside_a_slow_lane": 0.9,
}
# Of the email guide, section 6.
CRITERIA = {
    "unsigned_vs_smtp_source": 1,
    "signed_vs_openssl": 2,
    "render_vs_email_message": 3,
    "at_20ms_vs_smtplib": 4,
    "vs_postfix_source": 5,
    "beside_a_slow_lane": 18,
}
AT_MOST = {"rss_mb": 120, "memory_bare": 1.1, "memory_worker": 1.1}


def median(runs: Sequence[Run]) -> Run:
    """The median rate, and the largest memory."""
    return Run(statistics.median(run.rate for run in runs), max(run.rss_mb for run in runs))


def figures(found: Found) -> dict[str, float | None]:
    """The ratios that are promised, and megabytes; null where a row was not measured."""
    ours = (OURS, SIGNED, WORKER, WORKER_POSTGRESQL, SIGNED_RELAYED)
    memory = [run.rss_mb for (name, _), run in found.items() if name in ours]
    return {
        "unsigned_vs_smtp_source": ratio(found, (OURS, 0), (SMTP_SOURCE, 0)),
        "signed_vs_openssl": ratio(found, (SIGNED, 0), (OPENSSL, 0)),
        "worker_vs_bare": ratio(found, (WORKER, 0), (OURS, 0)),
        "at_20ms_vs_smtplib": ratio(found, (OURS, 20), (SMTPLIB, 20)),
        "vs_postfix_source": ratio(found, (SIGNED_RELAYED, 0), (RELAYED, 0)),
        "vs_apprise": ratio(found, (OURS, 0), (APPRISE, 0)),
        "worker_vs_mailman": ratio(found, (WORKER, 0), (MAILMAN, 0)),
        "worker_vs_smtplib": ratio(found, (WORKER, 0), (SMTPLIB, 0)),
        "rss_mb": max(memory, default=None),
    }


def ratio(found: Found, one: Key, other: Key) -> float | None:
    if one not in found or other not in found:
        return None
    return rounded(found[one].rate / found[other].rate)


def rounded(value: float) -> float:
    """Three digits are more than two runs on a busy machine agree in."""
    return float(f"{value:.3g}")


def judged(shown: Figures) -> list[str]:
    """The figures as Markdown, each with its bar and in words whether it is met."""
    lines = ["|figure|criterion|value|bar| |", "|---|---:|---:|---:|---|"]
    for name, value in shown.items():
        least, most = AT_LEAST.get(name), AT_MOST.get(name)
        bar = f"≥ {least:g}" if least is not None else f"≤ {most:g}" if most is not None else ""
        said = "not measured" if value is None else f"{value:g}"
        number = CRITERIA.get(name, "")
        lines.append(f"|{name}|{number}|{said}|{bar}|{_verdict(value, least, most)}|")
    return lines


def _verdict(value: float | None, least: float | None, most: float | None) -> str:
    if value is None or (least is None and most is None):
        return ""
    is_met = (least is None or value >= least) and (most is None or value <= most)
    return "met" if is_met else "not met"


def table(found: Found) -> list[str]:
    """All rows as Markdown, by distance; each also by smtp-source to the same server."""
    lines = [
        "|sender|round trip, ms|a second|of smtp-source|peak memory, MB|",
        "|---|---:|---:|---:|---:|",
    ]
    for (name, trip), run in sorted(found.items(), key=lambda one: (one[0][1], -one[1].rate)):
        base = RELAYED if name in (RELAYED, SIGNED_RELAYED) else SMTP_SOURCE
        share = ratio(found, (name, trip), (base, trip))
        shown = "" if name == OPENSSL or share is None else f"{share:.1%}"
        lines.append(f"|{name}|{trip}|{_short(run.rate)}|{shown}|{run.rss_mb:.0f}|")
    return lines


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
