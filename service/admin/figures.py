"""The figures of the statistics: each is a table with a name, from counts that a chore has made.

Pages draw them, CSV, API and command line write them. Figures of people are multiples of five, and
None where they are of fewer than five (docs/adr/0032); dates are days of the city.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

FEW = 5
PERIODS = (7, 30, 90, 365)
DAILY = 31  # a longer period is shown by weeks
Cell = date | str | float | int | None


@dataclass(frozen=True)
class Period:
    """Some days of the city up to today, in steps of a day or a week, the oldest first."""

    today: date
    days: int

    @property
    def first(self) -> date:
        return self.steps[0]

    @property
    def width(self) -> int:
        """Days of a step."""
        return 1 if self.days <= DAILY else 7

    @property
    def steps(self) -> list[date]:
        count = -(-self.days // self.width)
        return [self.today - timedelta(days=n * self.width - 1) for n in range(count, 0, -1)]

    def step_of(self, day: date) -> date:
        """The first day of the step that a day belongs to."""
        number = (self.today - day).days // self.width + 1
        return self.today - timedelta(days=number * self.width - 1)


@dataclass(frozen=True)
class Column:
    """`name` for programs, `text` for people, `colour` where it is drawn."""

    name: str
    text: LazyString
    colour: str = "accent"


@dataclass(frozen=True)
class Table:
    """The first column says what a row is about; `as_of`: when it was counted, if not just now."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    as_of: datetime | None = None


@dataclass(frozen=True)
class Names:
    """What topics and districts are called."""

    topics: dict[int, str] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)


def shown(count: int) -> int | None:
    """A count of people as it is shown: a multiple of five; None for one to four."""
    return None if 0 < count < FEW else count - count % FEW


DAY = Column("day", _("Day"))
KINDS = {
    "email": Column("email", _("Email"), "accent"),
    "chat": Column("chat", _("Chat"), "mark"),
    "websub": Column("websub", _("Feed hubs"), "warn"),
    "": Column("erased", _("Erased since"), "line-strong"),
}
Build = Callable[[Session, Period, Names], Table]
