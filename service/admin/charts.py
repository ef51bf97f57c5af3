"""Charts as inline SVG: stacked bars, bars up and down, lines, and bars that lie.

Colours are classes over the palette's variables, so light, dark and paper are the same picture. One
unit is one pixel or more (`staff.css` never lets a chart shrink), so no text is below 13 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 720
LEFT, RIGHT, TOP = 64, 12, 14
PLOT = 220  # the height of what is plotted
FOOT = 30  # below it: the labels of time
ROW, BAR, NAMES = 30, 18, 236  # of bars that lie
MOST_LABELS = 7
LONGEST = 27  # letters of a name; the table has all of it


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour. None: there is no figure."""

    name: str
    colour: str  # of the palette: `good` is var(--good)
    values: Sequence[float | None]


@dataclass(frozen=True)
class Frame:
    """What the picture is called, and what it says to somebody who does not see it."""

    id: str
    title: str
    description: str

    def around(self, height: float, body: str) -> Markup:
        """The whole element."""
        name = f"chart-{self.id}"
        return Markup(  # noqa: S704  # every text in it was escaped
            f'<svg class="chart" viewBox="0 0 {WIDTH} {height:g}" role="img"'
            f' aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{escape(self.title)}</title>'
            f'<desc id="{name}-desc">{escape(self.description)}</desc>{body}</svg>'
        )


def stacked(frame: Frame, labels: Sequence[str], series: Sequence[Series], say: Say) -> Markup:
    """A bar for each label, the series on top of each other."""
    totals = [sum(one.values[at] or 0 for one in series) for at in range(len(labels))]
    axis = _Axis.up_to(max(totals, default=0))
    body, below = axis.grid(say) + _days(labels), [0.0] * len(labels)
    for one in series:
        path = ""
        for at, value in enumerate(one.values):
            if value:
                path += _bar(at, len(labels), axis.y(below[at] + value), axis.y(below[at]))
                below[at] += value
        body += f'<path class="bar fill-{one.colour}" d="{path}"/>' if path else ""
    return frame.around(TOP + PLOT + FOOT, body)


def up_and_down(frame: Frame, labels: Sequence[str], up: Series, down: Series, say: Say) -> Markup:
    """Two bars for each label, one above and one below the line of zero."""
    axis = _Axis.between(
        -max((value or 0 for value in down.values), default=0),
        max((value or 0 for value in up.values), default=0),
    )
    body = axis.grid(lambda value: say(abs(value))) + _days(labels)
    for one, sign in ((up, 1), (down, -1)):
        path = ""
        for at, value in enumerate(one.values):
            if value:
                ends = sorted((axis.y(0), axis.y(sign * value)))
                path += _bar(at, len(labels), ends[0], ends[1])
        body += f'<path class="bar fill-{one.colour}" d="{path}"/>' if path else ""
    body += f'<path class="zero" d="M{LEFT} {axis.y(0):.1f}H{WIDTH - RIGHT}"/>'
    return frame.around(TOP + PLOT + FOOT, body)


def lines(
    frame: Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    say: Say,
    marks: Sequence[float] = (),
) -> Markup:
    """A line for each series, broken where there is no figure; with `marks`, on a scale on which
    each of them is as far from the next as the logarithm says."""
    known = [value for one in series for value in one.values if value is not None]
    axis = _Axis.of_marks(known, marks) if marks else _Axis.up_to(max(known, default=0))
    body = axis.grid(say) + _days(labels)
    for number, one in enumerate(series):
        path, dots, is_drawn = "", "", False
        for at, value in enumerate(one.values):
            if value is None:
                is_drawn = False
                continue
            x, y = _x(at, len(labels)), axis.y(value)
            path += f"{'L' if is_drawn else 'M'}{x:.1f} {y:.1f}"
            dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
            is_drawn = True
        dash = " dashed" if number else ""
        body += f'<path class="line stroke-{one.colour}{dash}" d="{path}"/>' if path else ""
        body += f'<g class="dots fill-{one.colour}">{dots}</g>' if dots else ""
    return frame.around(TOP + PLOT + FOOT, body)


def lying(
    frame: Frame, names: Sequence[str], series: Sequence[Series], say: Say, none: str
) -> Markup:
    """A bar that lies for each name, the series behind each other, and its sum at its end; `none`
    stands where there is no figure."""
    sums = [
        None
        if all(one.values[at] is None for one in series)
        else sum(one.values[at] or 0 for one in series)
        for at in range(len(names))
    ]
    room = WIDTH - NAMES - 90
    scale = room / max([value for value in sums if value] or [1])
    texts, ends, offset = "", "", [0.0] * len(names)
    body = ""
    for one in series:
        path = ""
        for at, value in enumerate(one.values):
            if value:
                x, width = NAMES + offset[at], max(value * scale, 1.0)
                path += f"M{x:.1f} {at * ROW + 6}h{width:.1f}v{BAR}h{-width:.1f}z"
                offset[at] += width
        body += f'<path class="bar fill-{one.colour}" d="{path}"/>' if path else ""
    for at, name in enumerate(names):
        y, total = at * ROW + 20, sums[at]
        short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        texts += f'<text class="name" x="{NAMES - 10}" y="{y}">{escape(short)}</text>'
        end = none if total is None else say(total)
        ends += f'<text x="{NAMES + offset[at] + 8:.1f}" y="{y}">{escape(end)}</text>'
    rule = f'<path class="zero" d="M{NAMES} 0V{len(names) * ROW + 4}"/>'
    return frame.around(len(names) * ROW + 6, body + rule + texts + ends)


Say = Callable[[float], str]


@dataclass(frozen=True)
class _Axis:
    """Values from bottom to top; `is_log`: by their logarithms."""

    low: float
    high: float
    ticks: Sequence[float]
    is_log: bool = False

    @classmethod
    def up_to(cls, high: float) -> _Axis:
        return cls.between(0, high)

    @classmethod
    def between(cls, low: float, high: float) -> _Axis:
        """Round steps, whole ones, some four of them."""
        step = _round_step((high - low) / 4)
        first, last = math.floor(low / step), max(math.ceil(high / step), 1)
        return cls(first * step, last * step, [n * step for n in range(first, last + 1)])

    @classmethod
    def of_marks(cls, known: Sequence[float], marks: Sequence[float]) -> _Axis:
        """From the mark below the smallest value to the one above the largest."""
        low, high = min(known, default=marks[0]), max(known, default=marks[-1])
        below = [mark for mark in marks if mark <= low][-1:] or [marks[0]]
        above = [mark for mark in marks if mark >= high and mark > below[0]][:1] or [marks[-1]]
        ticks = [mark for mark in marks if below[0] <= mark <= above[0]]
        return cls(min(below[0], low), max(above[0], high), ticks, True)

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low) if high > low else 0.0
        return TOP + PLOT * (1 - share)

    def grid(self, say: Say) -> str:
        found = ""
        for tick in self.ticks:
            y = self.y(tick)
            found += f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            found += (
                f'<text class="tick" x="{LEFT - 8}" y="{y + 4.5:.1f}">{escape(say(tick))}</text>'
            )
        return found


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, no less than this and no less than one."""
    if least <= 1:
        return 1
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _x(at: int, count: int) -> float:
    """The middle of a label's column."""
    return LEFT + (at + 0.5) * (WIDTH - LEFT - RIGHT) / count


def _bar(at: int, count: int, top: float, bottom: float) -> str:
    width = min((WIDTH - LEFT - RIGHT) / count * 0.72, 44.0)
    left = _x(at, count) - width / 2
    return f"M{left:.1f} {top:.1f}h{width:.1f}V{bottom:.1f}h{-width:.1f}z"


def _days(labels: Sequence[str]) -> str:
    every = math.ceil(len(labels) / MOST_LABELS) or 1
    y = TOP + PLOT + 21
    return "".join(
        f'<text class="day" x="{_x(at, len(labels)):.1f}" y="{y}">{escape(label)}</text>'
        for at, label in enumerate(labels)
        if at % every == 0
    )
