"""`docs/performance/feeds.md` and the picture beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "performance"
BARS = {
    "ours_304_vs_noop": 0.8,
    "ours_200gz_vs_noop": 0.7,
    "nginx_304_vs_static": 0.8,
    "vs_feedgen_per_request": 12.0,
    "join_vs_feedgen": 40.0,
}
_LEFT, _WIDTH, _ROW = 190, 370, 30


def write(
    rates: Mapping[str, float], ratios: Mapping[str, float], figures: Mapping[str, float]
) -> None:
    """Write both."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "feeds.svg").write_text(draw(rates), encoding="utf-8")
    (FOLDER / "feeds.md").write_text(_text(rates, ratios, figures), encoding="utf-8")


def draw(rates: Mapping[str, float]) -> str:
    """Horizontal bars; each line of the grid is ten times the one before."""
    low = math.floor(math.log10(min(rates.values())))
    top = math.ceil(math.log10(max(rates.values())))
    bottom = 44 + _ROW * len(rates)

    def place(rate: float) -> float:
        return round(_LEFT + (math.log10(rate) - low) / (top - low) * _WIDTH, 1)

    lines = []
    for step in range(low, top + 1):
        x = place(10**step)
        lines.append(f'<path d="M{x} 40V{bottom}" stroke="#d8dee3"/>')
        lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{10**step:,}</text>')
    for number, (name, rate) in enumerate(sorted(rates.items(), key=lambda one: -one[1])):
        y = 48 + number * _ROW
        colour = "#0b5675" if name.startswith("ours") or "cache" in name else "#8a97a5"
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{name}</text>')
        width = round(place(rate) - _LEFT, 1)
        lines.append(f'<rect x="{_LEFT}" y="{y}" width="{width}" height="20" fill="{colour}"/>')
        lines.append(f'<text x="{_LEFT + width + 6}" y="{y + 14}">{rate:,.0f}</text>')
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {bottom + 30}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#14212b">\n'
        "<title>Answers a second to requests of one feed</title>\n"
        '<rect width="100%" height="100%" fill="#ffffff"/>\n'
        '<text x="10" y="22" font-weight="bold">answers a second (logarithmic)</text>\n'
        f"{body}\n</svg>\n"
    )


def _text(
    rates: Mapping[str, float], ratios: Mapping[str, float], figures: Mapping[str, float]
) -> str:
    judged = "\n".join(
        f"|{name}|{value:,g}|≥ {BARS[name]:g}|{'met' if value >= BARS[name] else 'not met'}|"
        if name in BARS
        else f"|{name}|{value:,g}|||"
        for name, value in (ratios | {"join_vs_feedgen": figures["join_vs_feedgen"]}).items()
    )
    slowest = rates["feedgen each time, gzip"]
    table = "\n".join(
        f"|{name}|{rate:,.0f}|{rate / slowest:,.1f}|"
        for name, rate in sorted(rates.items(), key=lambda one: -one[1])
    )
    return f"""# What feeds cost

Written by `make bench-feeds`; do not edit. Two shared cores, on which nginx, one gunicorn with one
process and eight threads, and wrk with eight connections run side by side; SQLite. 10,000
articles; a feed of 25 of them is {figures["body_kb"]:g} KB. The median of the rounds, in each of
which all take turns; a ratio is the median of those of each round.

|ratio|value|bar| |
|---|---:|---:|---|
{judged}

`noop` is an empty view of a plain Flask application under the same gunicorn settings. `feedgen` is
one that builds the feed by feedgen for each request, from articles that it has in memory, and
compresses it as ours is (gzip -6); `vs_feedgen_uncompressed` sends feedgen's bytes plain. `cold` is
a combination that nobody asked for before, of three topics and two districts. nginx serves its own
file by its defaults, with `sendfile`, and ours by the example in `config/nginx`.

|answer|a second|of feedgen|
|---|---:|---:|
{table}

![Answers a second](feeds.svg)

## What a publication costs

{figures["keys"]:,.0f} feeds of two topics and a district each are read, on the condition of
their tags.

- One article is published: {figures["touched"]:,.0f} of them have changed, and
  {figures["composed_after_publish"]:,.0f} feeds are composed. All others answer 304.
- It stands in its feeds {figures["news_after_ms"]:,.0f} ms after the commit.
- A feed that nobody asked for before takes {figures["cold_ms"]:g} ms, one after the other.
- A delta (`A-IM: feed`) of one article is {figures["delta_of_body"]:.1%} of the body.
- A join of cached fragments takes 1/{figures["join_vs_feedgen"]:,.0f} of feedgen's processor time;
  joined deflate 1/{figures["gzip_join_vs_gzip"]:,.0f} of that of gzip -6, at
  {figures["gzip_join_size"]:g} times its size.

## Memory

The web process holds {figures["memory_before_mb"]:g} MB before anybody asks for a feed,
{figures["memory_after_mb"]:g} MB after {figures["keys"]:,.0f} of them, and
{figures["memory_after_flood_mb"]:g} MB after the floods of combinations above;
`TELLAL_FEED_CACHE_MB` is {figures["cache_mb"]:g}.
"""
