"""Learning curves as an SVG file, drawn by hand: three panels of lines over a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.bench.accuracy.curve import Curve

_PANEL_W, _PANEL_H = 300, 240
_LEFT, _TOP, _GAP = 46, 44, 44
_LINES = (  # part, label, colour, dash: told apart without colour too
    ("terms", "terms alone", "#767676", "2 4"),
    ("text", "text model alone", "#b35900", "7 4"),
    ("both", "both", "#00539f", ""),
    ("archive", "both, with an unlabelled archive", "#00539f", "10 3 2 3"),
)


def draw(curves: Sequence[Curve]) -> str:
    width = _LEFT + len(curves) * (_PANEL_W + _GAP)
    height = _TOP + _PANEL_H + 84
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Learning curves: F1 by number of labels</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, curve in enumerate(curves):
        parts += _panel(curve, _LEFT + number * (_PANEL_W + _GAP))
    parts += _legend(_LEFT, _TOP + _PANEL_H + 62)
    return "\n".join([*parts, "</svg>", ""])


def _panel(curve: Curve, left: float) -> list[str]:
    counts = [point.labels for point in curve.points]
    low = 0.6
    bottom = _TOP + _PANEL_H

    def x(count: int) -> float:
        share = math.log(count / counts[0]) / math.log(counts[-1] / counts[0])
        return round(left + share * _PANEL_W, 1)

    def y(value: float) -> float:
        return round(bottom - max(0.0, value - low) / (1 - low) * _PANEL_H, 1)

    parts = [f'<text x="{left}" y="{_TOP - 16}" font-weight="600">{escape(curve.name)}</text>']
    for tick in (0.6, 0.7, 0.8, 0.9, 1.0):
        parts.append(
            f'<path d="M{left} {y(tick)}h{_PANEL_W}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:.1f}</text>'
        )
    for count in counts:
        parts.append(f'<text x="{x(count)}" y="{bottom + 18}" text-anchor="middle">{count}</text>')
    middle = left + _PANEL_W / 2
    axis = f"labels a class → {curve.measure}"
    parts.append(f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle">{axis}</text>')
    for part, _, colour, dash in _LINES:
        values = [(p.labels, getattr(p, part)) for p in curve.points]
        path = " ".join(
            f"{x(count)},{y(value)}" for count, value in values if value is not None and value > low
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
    return parts


def _legend(left: float, at: float) -> list[str]:
    parts = []
    for number, (_, label, colour, dash) in enumerate(_LINES):
        x = left + number * 210
        parts.append(
            f'<path d="M{x} {at}h34" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{x + 40}" y="{at + 4}">{escape(label)}</text>'
        )
    return parts
