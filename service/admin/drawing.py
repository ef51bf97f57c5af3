"""A statistic as people see it: its picture, and its cells in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask_babel import format_date, format_decimal, gettext
from markupsafe import Markup

from service.admin import charts
from service.admin.charts import Frame, Series
from service.admin.figures import Cell, Table
from service.admin.statistic import Shape, Statistic

# Where the scale of times has its lines, in seconds.
TIMES = (0.5, 1, 10, 60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400)


def draw(name: str, statistic: Statistic, table: Table) -> Markup | None:
    """The picture; None where there is nothing to draw."""
    series = [
        Series(str(column.text), column.colour, [_number(row[at]) for row in table.rows])
        for at, column in enumerate(table.columns)
        if at
    ]
    if statistic.shape == Shape.TABLE or not any(any(one.values) for one in series):
        return None
    labels = [_label(row[0]) for row in table.rows]
    frame = Frame(name, str(statistic.title), _described(statistic, labels, series))
    match statistic.shape:
        case Shape.STACKED:
            return charts.stacked(frame, labels, series, say)
        case Shape.UP_AND_DOWN:
            return charts.up_and_down(frame, labels, series[0], series[1], say)
        case Shape.LINES:
            return charts.lines(frame, labels, series, say)
        case Shape.TIMES:
            return charts.lines(frame, labels, series, say_time, TIMES)
        case _:
            return charts.lying(frame, labels, series, say, gettext("fewer than 5"))


def cell_text(statistic: Statistic, cell: Cell, *, is_first: bool) -> str:
    """A cell of the table in words."""
    if isinstance(cell, date):
        return str(format_date(cell, "d MMM y"))
    if isinstance(cell, str):
        return cell
    if statistic.shape == Shape.TIMES:
        return "–" if cell is None else say_time(cell)
    if cell is None:
        is_gap = statistic.shape == Shape.LINES
        return "–" if is_gap else gettext("fewer than 5")
    return say(cell)


def say(number: float) -> str:
    """A number as the language writes it."""
    return str(format_decimal(number))


def say_time(seconds: float) -> str:
    """A time in one unit, or in two where that says more."""
    if seconds < 1:
        return str(gettext("under 1 s"))
    if seconds < 60:
        return str(gettext("%(count)s s", count=say(round(seconds))))
    if seconds < 60 * 60:
        return str(gettext("%(count)s min", count=say(round(seconds / 60, 1))))
    if seconds < 48 * 3_600:
        return str(gettext("%(count)s h", count=say(round(seconds / 3_600, 1))))
    return str(gettext("%(count)s days", count=say(round(seconds / 86_400))))


def _label(cell: Cell) -> str:
    return str(format_date(cell, "d MMM")) if isinstance(cell, date) else str(cell)


def _number(cell: Cell) -> float | None:
    return cell if isinstance(cell, int | float) else None


def _described(statistic: Statistic, labels: Sequence[str], series: Sequence[Series]) -> str:
    """The description, and where each series is highest."""
    parts = [str(statistic.description)]
    say_it = say_time if statistic.shape == Shape.TIMES else say
    for one in series:
        known = [(value, at) for at, value in enumerate(one.values) if value]
        if known:
            value, at = max(known, key=lambda pair: pair[0])
            highest = {"name": one.name, "value": say_it(value), "label": labels[at]}
            parts.append(gettext("%(name)s: at most %(value)s (%(label)s).", **highest))
    return " ".join(parts)
