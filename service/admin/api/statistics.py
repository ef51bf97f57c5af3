"""Statistics for programs: the same tables that the pages draw."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.powers import Power
from service.admin.statistic import STATISTICS, load
from service.db import utcnow
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint(
    "admin_statistics", __name__, url_prefix="/v1/admin/statistics", tag="Statistics"
)


class StatisticsQuery(BaseModel):
    """Of which days, and in which language topics are named."""

    days: Literal["7", "30", "90", "365"] = Field("30", description="Days up to today.")
    language: Literal["tr", "en"] = Field("tr", description="Of names of topics and reasons.")


class ColumnOut(BaseModel):
    """What a column holds."""

    name: str
    text: str


class StatisticOut(BaseModel):
    """One table. Its first column says what a row is about; a day stands for its step of 1 or 7."""

    name: str
    title: str
    description: str
    days: int
    columns: list[ColumnOut]
    rows: list[list[date | str | int | float | None]] = Field(
        description="Numbers of people are multiples of five; null: one to four, or no figure."
    )
    as_of: datetime | None = Field(description="When it was counted; null: all the time.")


class NamedOut(BaseModel):
    """A statistic that there is."""

    name: str
    title: str
    description: str


class ListOut(BaseModel):
    """All of them; the list is never long."""

    items: list[NamedOut]


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List the statistics", ListOut))
def list_statistics() -> dict[str, Any]:
    """In the order of the pages."""
    items = [
        NamedOut(name=name, title=str(one.title), description=str(one.description))
        for name, one in STATISTICS.items()
    ]
    return ListOut(items=items).model_dump(mode="json")


@api.get("/<chart>")
@needs(Power.SEE)
@api.input(StatisticsQuery, location="query", arg_name="wanted")
@api.doc(**described("Read a statistic", StatisticOut, 404))
def show(chart: str, wanted: StatisticsQuery) -> dict[str, Any]:
    """The oldest step first; of what has no days, the largest."""
    statistic = STATISTICS.get(chart)
    if statistic is None:
        names = ", ".join(STATISTICS)
        raise Problem(404, "Not Found", f"There is no such statistic; there are: {names}.")
    days = int(wanted.days)
    table = load(runtime(), chart, days, wanted.language, utcnow())
    return StatisticOut(
        name=chart,
        title=str(statistic.title),
        description=str(statistic.description),
        days=days,
        columns=[ColumnOut(name=one.name, text=str(one.text)) for one in table.columns],
        rows=[list(row) for row in table.rows],
        as_of=table.as_of,
    ).model_dump(mode="json")
