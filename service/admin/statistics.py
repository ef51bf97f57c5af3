"""Statistics: pictures with their tables, from counts that were made before anybody asked."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template, request
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from service.admin.access import needs
from service.admin.csv_export import csv_response
from service.admin.drawing import cell_text, draw
from service.admin.figures import PERIODS, Table
from service.admin.powers import Power
from service.admin.statistic import STATISTICS, Group, Shape, Statistic, load
from service.db import utcnow
from service.pages import language, row_number, runtime

USUAL = 30
PAGES = (
    (Group.DELIVERIES, "statistics.index", _("Deliveries")),
    (Group.READERS, "statistics.readers", _("Readers")),
    (Group.GAPS, "statistics.gaps", _("Gaps")),
)
PERIOD_TEXTS = {7: _("7 days"), 30: _("30 days"), 90: _("90 days"), 365: _("A year")}


@dataclass(frozen=True)
class Shown:
    """One statistic on its page."""

    name: str
    statistic: Statistic
    table: Table
    picture: Markup | None

    @property
    def has_legend(self) -> bool:
        return len(self.table.columns) > 2 and self.picture is not None

    @property
    def is_table(self) -> bool:
        return self.statistic.shape == Shape.TABLE

    def rows(self) -> list[list[str]]:
        """The cells in words."""
        return [
            [cell_text(self.statistic, cell, is_first=not at) for at, cell in enumerate(row)]
            for row in self.table.rows
        ]

    def is_number(self, column: int) -> bool:
        """Whether a column is written to the right."""
        return column > 0 and not any(isinstance(row[column], str) for row in self.table.rows)


def blueprint() -> Blueprint:
    """Three pages, and a CSV of each table; everybody on the staff may see them."""
    part = Blueprint("statistics", __name__, url_prefix="/staff/statistics")

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page(Group.DELIVERIES)

    @part.get("/readers")
    @needs(Power.SEE)
    def readers() -> str:
        return _page(Group.READERS)

    @part.get("/gaps")
    @needs(Power.SEE)
    def gaps() -> str:
        return _page(Group.GAPS)

    @part.get("/csv")
    @needs(Power.SEE)
    def csv() -> Response:
        name, days = request.args.get("chart", ""), _days()
        if name not in STATISTICS:
            abort(404)
        table = load(runtime(), name, days, language(), utcnow())
        header = [column.name for column in table.columns]
        return csv_response(f"tellal-{name}-{days}", header, table.rows)

    return part


def _page(group: Group) -> str:
    days, now = _days(), utcnow()
    shown = []
    for name, statistic in STATISTICS.items():
        if statistic.group == group:
            table = load(runtime(), name, days, language(), now)
            shown.append(Shown(name, statistic, table, draw(name, statistic, table)))
    return render_template(
        "staff/statistics.html",
        shown=shown,
        days=days,
        periods=[(one, PERIOD_TEXTS[one]) for one in PERIODS],
        pages=PAGES,
        group=group,
    )


def _days() -> int:
    """The period that the address asks for; the usual one for anything else."""
    days = request.args.get("days", USUAL, type=row_number)
    return days if days in PERIODS else USUAL
