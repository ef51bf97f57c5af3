"""The statistics that there are, in their order: what each is called, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from service.admin import delivery_figures, reader_figures
from service.admin.figures import Build, Names, Period, Table
from service.models import Place, Topic
from service.runtime import Runtime


class Shape(StrEnum):
    """How a table is drawn."""

    STACKED = "stacked"
    UP_AND_DOWN = "up and down"
    LINES = "lines"
    TIMES = "times"  # lines of seconds, on a scale of logarithms
    LYING = "lying"
    TABLE = "table"


class Group(StrEnum):
    """The page that shows it."""

    DELIVERIES = "deliveries"
    READERS = "readers"
    GAPS = "gaps"


@dataclass(frozen=True)
class Statistic:
    """One table with its picture."""

    title: LazyString
    description: LazyString
    group: Group
    shape: Shape
    build: Build
    has_period: bool = True


_DELIVERIES, _READERS, _GAPS = Group.DELIVERIES, Group.READERS, Group.GAPS
STATISTICS: Mapping[str, Statistic] = {
    "deliveries": Statistic(
        _("Deliveries by outcome"),
        _("By the day on which the news was released. What was suppressed was never sent."),
        _DELIVERIES,
        Shape.STACKED,
        delivery_figures.deliveries,
    ),
    "channels": Statistic(
        _("Sent deliveries by way"),
        _("How many were sent by email, to chats and to feed hubs."),
        _DELIVERIES,
        Shape.STACKED,
        delivery_figures.channels,
    ),
    "delays": Statistic(
        _("From publication to delivery"),
        _(
            "Half of all deliveries, and 95 percent, took at most so long, holding time included."
            " Exact to 9 percent."
        ),
        _DELIVERIES,
        Shape.TIMES,
        delivery_figures.delays,
    ),
    "readers": Statistic(
        _("Readers"),
        _("People with at least one subscription, at the beginning of the day."),
        _READERS,
        Shape.LINES,
        reader_figures.readers,
    ),
    "growth": Statistic(
        _("Came and left"),
        _("Who confirmed an address, and whose last subscription ended."),
        _READERS,
        Shape.UP_AND_DOWN,
        reader_figures.growth,
    ),
    "topics": Statistic(
        _("Readers by topic"),
        _("Who follows several topics counts for each of them."),
        _READERS,
        Shape.LYING,
        reader_figures.topics,
        has_period=False,
    ),
    "districts": Statistic(
        _("Readers by district"),
        _("Who follows several districts counts for each of them."),
        _READERS,
        Shape.LYING,
        reader_figures.districts,
        has_period=False,
    ),
    "frequencies": Statistic(
        _("Readers by frequency"),
        _("Who chose differently for several topics counts for each choice."),
        _READERS,
        Shape.LYING,
        reader_figures.frequencies,
        has_period=False,
    ),
    "kinds": Statistic(
        _("Readers by way"),
        _("Confirmed addresses by what they are."),
        _READERS,
        Shape.LYING,
        reader_figures.kinds,
        has_period=False,
    ),
    "bounces": Statistic(
        _("Bounces by domain"),
        _("What came back, by the domain of the reader’s address. Small domains are one line."),
        _GAPS,
        Shape.LYING,
        delivery_figures.bounces,
    ),
    "unfollowed": Statistic(
        _("Topics that nobody follows"),
        _("Who follows everything is not counted for single topics."),
        _GAPS,
        Shape.TABLE,
        reader_figures.unfollowed,
        has_period=False,
    ),
    "silent": Statistic(
        _("Subscriptions that wait in vain"),
        _("News cannot come to them, or did not come in a year. Each is counted for one reason."),
        _GAPS,
        Shape.TABLE,
        reader_figures.silent,
        has_period=False,
    ),
}


def load(runtime: Runtime, name: str, days: int, language: str, now: datetime) -> Table:
    """The figures of the last so many days; names in a language. KeyError: there is no such one."""
    build = STATISTICS[name].build
    period = Period(now.astimezone(ZoneInfo(runtime.settings.timezone)).date(), days)
    with runtime.db.read() as session:
        topics = session.scalars(select(Topic).order_by(Topic.position, Topic.id)).all()
        places = session.scalars(select(Place).order_by(Place.position, Place.id)).all()
        names = Names(
            {0: str(_("Everything"))} | {one.id: one.name(language) for one in topics},
            {0: str(_("The whole city"))} | {one.id: one.name for one in places},
        )
        return build(session, period, names)
