"""The growth of time with length as an SVG file: one line a kind, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tests.bench.accuracy.growth import LENGTHS, MB, Growth

_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 40, 420, 330
_BOTTOM = _TOP + _HEIGHT
_SIZE = _LEFT + _WIDTH + 210, _BOTTOM + 50
_COLOURS = ("#00539f", "#b35900", "#2e7d32", "#8e24aa", "#c62828", "#455a64")
_DASHES = ("none", "7 4")


@dataclass(frozen=True)
class _Scale:
    """Whole powers of ten around all times."""

    low: int
    high: int

    def x(self, length: float) -> float:
        share = math.log(length / LENGTHS[0]) / math.log(LENGTHS[-1] / LENGTHS[0])
        return round(_LEFT + share * _WIDTH, 1)

    def y(self, seconds: float) -> float:
        share = (math.log10(seconds) - self.low) / (self.high - self.low)
        return round(_BOTTOM - share * _HEIGHT, 1)

    def line(self, seconds: Sequence[float]) -> str:
        points = zip(LENGTHS, seconds, strict=True)
        return " ".join(f"{self.x(length)},{self.y(s)}" for length, s in points)


def draw(found: Sequence[Growth]) -> str:
    times = [seconds for growth in found for seconds in growth.seconds]
    scale = _Scale(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))))
    slowest_first = sorted(found, key=lambda growth: -growth.seconds[-1])
    first = min(growth.seconds[0] for growth in found)
    linear = scale.line([first * length / LENGTHS[0] for length in LENGTHS])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE[0]} {_SIZE[1]}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Time to classify by length of the text, both logarithmic</title>",
        f'<rect width="{_SIZE[0]}" height="{_SIZE[1]}" fill="#fff"/>',
        *_axes(scale),
        f'<polyline points="{linear}" fill="none" stroke="#000" stroke-dasharray="1 4"/>',
    ]
    for number, growth in enumerate(slowest_first):
        parts += _kind(number, growth, scale)
    return "\n".join([*parts, "</svg>", ""])


def _axes(scale: _Scale) -> list[str]:
    middle = _LEFT + _WIDTH / 2
    parts = [
        f'<text x="{_LEFT}" y="{_TOP - 16}">seconds</text>',
        f'<text x="{middle}" y="{_BOTTOM + 38}" text-anchor="middle">millions of characters '
        "(dotted: linear)</text>",
    ]
    parts += [
        f'<text x="{scale.x(length)}" y="{_BOTTOM + 18}" text-anchor="middle">{length / MB:.2g}'
        "</text>"
        for length in LENGTHS
    ]
    for power in range(scale.low, scale.high + 1):
        at = scale.y(10.0**power)
        parts.append(
            f'<path d="M{_LEFT} {at}h{_WIDTH}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{10.0**power:g}</text>'
        )
    return parts


def _kind(number: int, growth: Growth, scale: _Scale) -> list[str]:
    """A line, and its row of the legend: colour and dash together tell twelve kinds apart."""
    stroke = (
        f'stroke="{_COLOURS[number % len(_COLOURS)]}" stroke-width="2" '
        f'stroke-dasharray="{_DASHES[number // len(_COLOURS) % len(_DASHES)]}"'
    )
    left, at = _LEFT + _WIDTH + 20, _TOP + 10 + 24 * number
    return [
        f'<polyline points="{scale.line(growth.seconds)}" fill="none" {stroke}/>',
        f'<path d="M{left} {at - 4}h30" {stroke}/>'
        f'<text x="{left + 38}" y="{at}">{escape(growth.kind)} '
        f"({growth.exponent:.2f})</text>",
    ]
