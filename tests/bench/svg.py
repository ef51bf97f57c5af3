"""Pictures of figures as SVG: lines of series, and bars; beside each stands a table of all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = (
    "#0b5675",
    "#b35900",
    "#4a7a1f",
    "#7a2e6b",
    "#465763",
    "#a8323a",
    "#1f7a70",
    "#6b5b00",
    "#000000",
    "#c76f9b",
)
OTHER = "#8a97a5"
Points = Sequence[tuple[float, float]]

_LEFT, _TOP, _WIDTH, _HEIGHT, _NAMES = 70, 40, 460, 240, 170
_BOTTOM = _TOP + _HEIGHT
_LINE, _ROW, _BARS = 14, 26, 400


def _framed(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            'role="img" font-family="system-ui, sans-serif" font-size="12" fill="#14212b">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="12" y="22" font-weight="bold">{escape(title)}</text>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _ticks(most: float) -> list[float]:
    """From nothing to at least `most`, in at most six steps of 1, 2 or 5 by a power of ten."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * by for by in (1, 2, 5, 10) if power * by >= rough)
    return [number * step for number in range(math.ceil(most / step) + 1)]


def _short(value: float) -> str:
    """At least three digits, and no powers of ten."""
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"


def lines(title: str, across: str, series: Mapping[str, Points], *, is_log: bool = False) -> str:
    """Each series as a line from nothing up; `is_log`: of what goes across."""
    xs = sorted({x for points in series.values() for x, _ in points})
    heights = _ticks(max(y for points in series.values() for _, y in points))

    def x_of(value: float) -> float:
        low, high = xs[0], xs[-1]
        share = (
            math.log(value / low) / (math.log(high / low) or 1)
            if is_log
            else (value - low) / ((high - low) or 1)
        )
        return round(_LEFT + share * _WIDTH, 1)

    def y_of(value: float) -> float:
        return round(_BOTTOM - value / heights[-1] * _HEIGHT, 1)

    parts = [
        f'<path d="M{_LEFT} {y_of(tick)}h{_WIDTH}" stroke="#d8dee3"/>'
        f'<text x="{_LEFT - 6}" y="{y_of(tick) + 4}" text-anchor="end">{_short(tick)}</text>'
        for tick in heights
    ]
    below = xs if len(xs) <= 6 else [xs[0], xs[len(xs) // 2], xs[-1]]
    parts += [
        f'<text x="{x_of(x)}" y="{_BOTTOM + 18}" text-anchor="middle">{_short(x)}</text>'
        for x in below
    ]
    parts.append(
        f'<text x="{_LEFT + _WIDTH / 2:g}" y="{_BOTTOM + 38}" text-anchor="middle">'
        f"{escape(across)}</text>"
    )
    ends = []
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x_of(x)},{y_of(y)}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        ends.append((y_of(points[-1][1]) + 4, name, colour))
    free = math.inf
    for at, name, colour in sorted(ends, reverse=True):
        free = min(at, free - _LINE)  # two lines that end together have their names apart
        parts.append(
            f'<text x="{_LEFT + _WIDTH + 8}" y="{free:g}" fill="{colour}">{escape(name)}</text>'
        )
    return _framed(_LEFT + _WIDTH + _NAMES, _BOTTOM + 50, title, parts)


def bars(title: str, values: Mapping[str, float], ours: str) -> str:
    """Bars of one scale in which a tenfold is a step, the longest first; names that begin with
    `ours` stand out."""
    shown = {name: value for name, value in values.items() if value > 0}
    low = math.floor(math.log10(min(shown.values())))
    steps = max(math.ceil(math.log10(max(shown.values()))) - low, 1)
    left, bottom = 210, 40 + _ROW * len(shown)

    def x_of(value: float) -> float:
        return round(left + (math.log10(value) - low) / steps * _BARS, 1)

    parts = [
        f'<path d="M{x_of(10**step)} 34V{bottom}" stroke="#d8dee3"/>'
        f'<text x="{x_of(10**step)}" y="{bottom + 18}" text-anchor="middle">'
        f"{_short(10**step)}</text>"
        for step in range(low, low + steps + 1)
    ]
    for number, (name, value) in enumerate(sorted(shown.items(), key=lambda one: -one[1])):
        y, width = 40 + number * _ROW, round(x_of(value) - left, 1)
        colour = COLOURS[0] if name.startswith(ours) else OTHER
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y}" width="{width}" height="18" fill="{colour}"/>'
            f'<text x="{left + width + 6:g}" y="{y + 13}">{_short(value)}</text>'
        )
    return _framed(left + _BARS + 90, bottom + 30, title, parts)
