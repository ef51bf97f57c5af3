"""`docs/performance/chat.md` and the picture beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "performance"
BARS = {"ours_vs_apprise_loop": 10.0, "ours_vs_apprise_loop_0ms": 1.5}
_ROWS = (
    ("answers after 100 ms", "ours_100ms_per_s", "apprise_loop_100ms_per_s"),
    ("answers at once", "ours_0ms_per_s", "apprise_loop_0ms_per_s"),
)
_LEFT, _WIDTH, _ROW = 130, 400, 28


def write(figures: Mapping[str, float]) -> None:
    """Write both."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "chat.svg").write_text(draw(figures), encoding="utf-8")
    (FOLDER / "chat.md").write_text(_text(figures), encoding="utf-8")


def draw(figures: Mapping[str, float]) -> str:
    """Horizontal bars, all of one scale."""
    most = max(figures[name] for _, *names in _ROWS for name in names)
    lines, y = [], 28
    for title, ours, theirs in _ROWS:
        lines.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        for label, name, colour in (("Tellal", ours, "#0b5675"), ("loop", theirs, "#8a97a5")):
            y += _ROW
            width = max(_WIDTH * figures[name] / most, 1)
            lines.append(f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{label}</text>')
            lines.append(
                f'<rect x="{_LEFT}" y="{y - 14}" width="{width:.1f}" height="18" fill="{colour}"/>'
                f'<text x="{_LEFT + width + 6:.1f}" y="{y}">{figures[name]:,.0f}</text>'
            )
        y += _ROW + 10
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 {y - 14}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#14212b">\n'
        "<title>Chat messages a second, through the ledger and by a plain loop</title>\n"
        '<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"{body}\n</svg>\n"
    )


def _text(figures: Mapping[str, float]) -> str:
    table = "\n".join(
        f"|{name}|{value:,g}|"
        + (
            f"≥ {BARS[name]:g}|{'met' if value >= BARS[name] else 'not met'}|"
            if name in BARS
            else "||"
        )
        for name, value in figures.items()
    )
    return f"""# What chat costs

Written by `make bench-chat`; do not edit. Two shared cores, on which sender, receiver, SQLite and a
real Redis run side by side. 500 channels of plain JSON on one host, from the plan of an article to
the last settled delivery: batches, looks at who is still subscribed, rates in Redis, journal,
answers. The loop calls `Apprise.notify()` for one address after the other, without any of that; its
objects are made before the clock starts. Both take turns; a ratio is the median of those of each
round.

|figure|value|bar| |
|---|---:|---:|---|
{table}

`delay_by_dead_channel_ms`: how much later the last of 49 channels gets its message where the first
of the batch never answers; 10 s later its own delivery is `unknown`. `retry_after_late_ms`: after
the end of a `Retry-After`, with a sweeper that looks every second, the latest of the rounds;
at most 2,000 is asked. `rss_mb`: the process after
all rounds; `rss_grew_mb`: since before the last of them. `paced_per_s`: of a service that takes 30
a second, what it is sent after its first burst of 30, by batches that are handed back and claimed
again.

![Messages a second](chat.svg)
"""
