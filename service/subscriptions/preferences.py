"""A person's break, quiet hours and language: for every address of theirs at once."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, or_, update
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import Destination, Subscriber

LONGEST_BREAK = timedelta(days=366)
# As a browser's field gives it, and as people type where a browser has no such field.
_DATE = re.compile(r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})|([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4})")


class Break(StrEnum):
    """How long a person wants no news."""

    WEEK = "week"
    FORTNIGHT = "fortnight"
    MONTH = "month"
    DATE = "date"


class BreakError(ValueError):
    """The day is none on which a break can end."""


def last_day(how_long: Break, typed: str, today: date) -> date:
    """The day on which news begins again. `typed`, as `2026-12-31` or `31.12.2026`, is read for
    `Break.DATE` alone.

    Raises:
        BreakError: no date, not after today, or more than a year away.
    """
    if how_long is Break.WEEK:
        return today + timedelta(days=7)
    if how_long is Break.FORTNIGHT:
        return today + timedelta(days=14)
    if how_long is Break.MONTH:
        year, month = (today.year, today.month + 1) if today.month < 12 else (today.year + 1, 1)
        return date(year, month, min(today.day, monthrange(year, month)[1]))
    numbers = _DATE.fullmatch(typed.strip())
    if numbers is None:
        raise BreakError("no date")
    parts = numbers[1].split("-") if numbers[1] else numbers[2].split(".")[::-1]
    try:
        day = date(*map(int, parts))
    except ValueError as error:
        raise BreakError("no such day") from error
    if not today < day <= today + LONGEST_BREAK:
        raise BreakError("not within a year from tomorrow")
    return day


def begins_at(day: date, zone: str) -> datetime:
    """The first moment of a day of the city."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def pause(session: Session, destination: Destination, until: datetime) -> None:
    """Send no news until then; what comes meanwhile is not sent later. It ends by itself.

    A break that is made longer or shorter began when it began."""
    now = utcnow()
    begins = case((Destination.paused_until > now, Destination.paused_from), else_=now)
    _set(session, destination, paused_from=func.coalesce(begins, now), paused_until=until)


def resume(session: Session, destination: Destination) -> None:
    """End a break at once. What came since it began stays missed."""
    now = utcnow()
    _set(session, destination, Destination.paused_until > now, paused_until=now)


def set_quiet_hours(
    session: Session, destination: Destination, start_min: int | None, end_min: int | None
) -> None:
    """Let news wait between these minutes after midnight of the city's day; None: never."""
    _set(session, destination, quiet_from=start_min, quiet_until=end_min)


def set_language(session: Session, destination: Destination, language: str) -> None:
    """Write to a person in another language."""
    _set(session, destination, language=language)
    session.execute(
        update(Subscriber)
        .where(Subscriber.id == destination.subscriber_id)
        .values(language=language)
    )


def minute_of(text: str) -> int | None:
    """The minute of the day that a text like `22:30` or `22.30` names, or None."""
    hour, _, minute = text.strip().replace(".", ":").partition(":")
    is_time = all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in (hour, minute))
    if not is_time or int(hour) > 23 or int(minute) > 59:
        return None
    return int(hour) * 60 + int(minute)


def clock_of(minute: int) -> str:
    """The other way round, as the field of a form takes it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _set(
    session: Session, destination: Destination, *only: ColumnElement[bool], **values: object
) -> None:
    session.execute(
        update(Destination)
        .where(_of_person(destination), *only)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _of_person(destination: Destination) -> ColumnElement[bool]:
    """All addresses of a person: their email, and chats of their own."""
    its_own = Destination.id == destination.id
    if destination.subscriber_id is None:
        return its_own
    return or_(its_own, Destination.subscriber_id == destination.subscriber_id)
