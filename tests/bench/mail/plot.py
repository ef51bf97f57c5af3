"""The rates as bars in an SVG file, a group for each distance; a tenfold is a step of the scale."""

from __future__ import annotations

import math

from tests.bench.mail.figures import Found
from tests.bench.mail.rows import OPENSSL

_LEFT, _TOP, _WIDTH = 190, 50, 480
_BAR, _GAP, _GROUP = 18, 4, 26
_COLOURS = {"Tellal": "#00539f"}
_OTHER = "#8a97a5"


def draw(found: Found) -> str:
    """One bar a sender; `openssl speed` sends nothing and has none."""
    rows = {key: run.rate for key, run in found.items() if key[0] != OPENSSL}
    top = math.ceil(math.log10(max(rows.values())))
    low = min(0, math.floor(math.log10(min(rows.values()))))

    def width(rate: float) -> float:
        return round((math.log10(rate) - low) / (top - low) * _WIDTH, 1)

    bars, y = [], _TOP
    for trip in sorted({trip for _, trip in rows}):
        bars.append(f'<text x="12" y="{y + 13}" font-weight="bold">{trip} ms round trip</text>')
        y += _GROUP
        names = [name for name, at in rows if at == trip]
        for name in sorted(names, key=lambda name: -rows[name, trip]):
            rate, colour = rows[name, trip], _COLOURS.get(name.partition(",")[0], _OTHER)
            bars.append(
                f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{name}</text>'
                f'<rect x="{_LEFT}" y="{y}" width="{width(rate)}" height="{_BAR}" '
                f'fill="{colour}"/><text x="{_LEFT + width(rate) + 6}" y="{y + 13}">'
                f"{rate:,.0f}</text>"
            )
            y += _BAR + _GAP
        y += _GAP
    lines = [
        f'<path d="M{_LEFT + width(10**step)} {_TOP}V{y}" stroke="#ddd"/>'
        f'<text x="{_LEFT + width(10**step)}" y="{y + 16}" text-anchor="middle">{10**step:,}</text>'
        for step in range(low, top + 1)
    ]
    size = _LEFT + _WIDTH + 80, y + 30
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" '
            'role="img" font-family="system-ui, sans-serif" font-size="12">',
            "<title>Letters a second by sender and distance of the server</title>",
            f'<rect width="{size[0]}" height="{size[1]}" fill="#fff"/>',
            '<text x="12" y="24">letters a second (logarithmic)</text>',
            *lines,
            *bars,
            "</svg>",
            "",
        ]
    )
