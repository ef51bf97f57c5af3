"""The cost of a delivery by the number of readers as an SVG file, with its table as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tests.bench.ledger.cost import Cost

_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 40, 460, 260
_BOTTOM = _TOP + _HEIGHT
_LINE = 14
_SIZE = _LEFT + _WIDTH + 150, _BOTTOM + 50
_COLOURS = {"sqlite": "#00539f", "postgresql": "#b35900"}
_DASHES = {"whole": "none", "plan": "6 4"}


def draw(costs: Mapping[str, Sequence[Cost]]) -> str:
    """One line for all that a delivery costs and a dashed one for planning, each database."""
    sizes = sorted({cost.size for of in costs.values() for cost in of})
    most = max(cost.whole for of in costs.values() for cost in of)
    step = 10 ** math.floor(math.log10(most))
    top = math.ceil(most / step) * step

    def x(size: int) -> float:
        span = math.log(sizes[-1] / sizes[0]) or 1.0
        return round(_LEFT + math.log(size / sizes[0]) / span * _WIDTH, 1)

    def y(cost: float) -> float:
        return round(_BOTTOM - cost / top * _HEIGHT, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE[0]} {_SIZE[1]}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Cost of a delivery in the ledger by the number of readers</title>",
        f'<rect width="{_SIZE[0]}" height="{_SIZE[1]}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="{_TOP - 16}">microseconds a delivery</text>',
        f'<text x="{_LEFT + _WIDTH / 2}" y="{_BOTTOM + 38}" text-anchor="middle">readers of one '
        "article (logarithmic)</text>",
    ]
    for tick in range(0, round(top / step) + 1):
        at = y(tick * step)
        parts.append(
            f'<path d="M{_LEFT} {at}h{_WIDTH}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{tick * step:g}</text>'
        )
    parts += [
        f'<text x="{x(size)}" y="{_BOTTOM + 18}" text-anchor="middle">{size:,}</text>'
        for size in sizes
    ]
    for name, of in costs.items():
        for what, dash in _DASHES.items():
            points = " ".join(f"{x(cost.size)},{y(getattr(cost, what))}" for cost in of)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{_COLOURS[name]}" '
                f'stroke-width="2" stroke-dasharray="{dash}"/>'
            )
    ends = [
        (y(getattr(of[-1], what)) + 4, name, what) for name, of in costs.items() for what in _DASHES
    ]
    below = math.inf
    for at, name, what in sorted(ends, reverse=True):
        below = min(at, below - _LINE)  # two lines that end together have their names apart
        parts.append(
            f'<text x="{_LEFT + _WIDTH + 8}" y="{below}" fill="{_COLOURS[name]}">{name}, {what}'
            "</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def table(costs: Mapping[str, Sequence[Cost]]) -> str:
    """The numbers of the picture."""
    lines = [
        "|database|readers|plan, µs|claim and settle, µs|whole, µs|",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"|{name}|{cost.size:,}|{cost.plan:.1f}|{cost.deliver:.1f}|{cost.whole:.1f}|"
        for name, of in costs.items()
        for cost in of
    ]
    return "\n".join(lines)
