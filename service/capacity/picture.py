"""How a plan grows with its subscribers, as an SVG file that holds its table too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from service.capacity.plan import Plan

FACTORS = (0.1, 0.25, 0.5, 1, 2, 5, 10)
_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 56, 520, 260
_BOTTOM = _TOP + _HEIGHT
_ROW = 22
_COLUMNS = (70, 200, 320, 430, 510, 590, 690)
# What is drawn, each by what it is at the size that was asked for: colour, dashes, value.
_LINES: tuple[tuple[str, str, str, Callable[[Plan], float]], ...] = (
    ("kept bytes", "#00539f", "none", lambda one: one.bytes),
    ("letters/s at peak", "#b35900", "7 3", lambda one: one.peak_letters_s),
    ("nodes", "#2f6b2f", "2 3", lambda one: one.nodes),
)
_HEADS = ("subscribers", "rows kept", "GB kept", "letters/s", "relays", "nodes", "min to all")


def draw(plans: Sequence[Plan]) -> str:
    """One line for each of what grows, relative to the first plan, both scales logarithmic."""
    first = plans[0]
    most = max(_ratio(value, one, first) for *_, value in _LINES for one in plans)
    decades = max(math.ceil(math.log10(most)), 1)
    span = math.log(plans[-1].load.subscribers / first.load.subscribers) or 1.0

    def x(one: Plan) -> float:
        away = math.log(one.load.subscribers / first.load.subscribers)
        return round(_LEFT + away / span * _WIDTH, 1)

    def y(ratio: float) -> float:
        return round(_BOTTOM - math.log10(max(ratio, 1.0)) / decades * _HEIGHT, 1)

    height = _BOTTOM + 70 + _ROW * (len(plans) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 {height}" role="img" '
        'aria-labelledby="t" font-family="system-ui, sans-serif" font-size="12">',
        '<title id="t">How rows, bytes, letters and nodes grow with the subscribers</title>',
        f'<rect width="780" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">Growth, as multiples of '
        f"{first.load.subscribers:,.0f} subscribers</text>",
    ]
    for step in range(decades + 1):
        parts.append(
            f'<path d="M{_LEFT} {y(10**step)}h{_WIDTH}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y(10**step) + 4}" text-anchor="end">× {10**step:,}</text>'
        )
    for one in plans:
        parts.append(
            f'<text x="{x(one)}" y="{_BOTTOM + 18}" text-anchor="middle">'
            f"{_short(one.load.subscribers)}</text>"
        )
    for number, (name, colour, dash, value) in enumerate(_LINES):
        points = " ".join(f"{x(one)},{y(_ratio(value, one, first))}" for one in plans)
        at = _TOP + 16 * number
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/><path d="M{_LEFT + 12} {at}h30" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{_LEFT + 50}" y="{at + 4}" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, *_table(plans, _BOTTOM + 56), "</svg>", ""])


def _ratio(value: Callable[[Plan], float], one: Plan, first: Plan) -> float:
    """How many times the first; what there is none of, as mail in a city of feeds, stays so."""
    return value(one) / value(first) if value(first) else 1.0


def _table(plans: Sequence[Plan], top: int) -> list[str]:
    rows = [_HEADS, *(cells(one) for one in plans)]
    return [
        f'<text x="{at + 50}" y="{top + _ROW * number}" text-anchor="end" '
        f'font-weight="{"normal" if number else "bold"}">{escape(cell)}</text>'
        for number, row in enumerate(rows)
        for at, cell in zip(_COLUMNS, row, strict=True)
    ]


def cells(one: Plan) -> tuple[str, ...]:
    """A row of the table."""
    return (
        f"{one.load.subscribers:,.0f}",
        _short(one.rows_kept),
        f"{one.bytes / 1e9:,.0f}",
        f"{one.peak_letters_s:,.0f}",
        f"{one.relays:,}",
        f"{one.nodes:,}",
        f"{one.everybody_min:,.0f}",
    )


def _short(value: float) -> str:
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"
