"""Days on which a break ends and times of the day, whatever is typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.subscriptions.preferences import (
    LONGEST_BREAK,
    Break,
    BreakError,
    begins_at,
    clock_of,
    last_day,
    minute_of,
)

DAYS = st.dates(date(2000, 1, 1), date(2200, 1, 1))


@given(st.text())
def test_whatever_is_typed_is_a_minute_of_the_day_or_none(text: str) -> None:
    found = minute_of(text)
    assert found is None or 0 <= found < 1440


@given(st.integers(0, 1439))
def test_a_time_is_read_as_it_is_shown(minute: int) -> None:
    assert minute_of(clock_of(minute)) == minute


@given(st.text(), DAYS)
def test_whatever_is_typed_is_a_day_within_a_year_or_refused(text: str, today: date) -> None:
    try:
        found = last_day(Break.DATE, text, today)
    except BreakError:
        return
    assert today < found <= today + LONGEST_BREAK


@given(DAYS, DAYS)
def test_a_day_is_taken_in_both_ways_of_writing(day: date, today: date) -> None:
    is_fine = today < day <= today + LONGEST_BREAK
    for typed in (day.isoformat(), f"{day.day}.{day.month}.{day.year}"):
        if is_fine:
            assert last_day(Break.DATE, typed, today) == day
        else:
            with pytest.raises(BreakError):
                last_day(Break.DATE, typed, today)


@given(DAYS)
def test_a_month_is_never_more_than_31_days(today: date) -> None:
    assert last_day(Break.WEEK, "", today) == today + timedelta(days=7)
    assert last_day(Break.FORTNIGHT, "", today) == today + timedelta(days=14)
    assert timedelta(days=28) <= last_day(Break.MONTH, "", today) - today <= timedelta(days=31)


@pytest.mark.parametrize(
    ("today", "ends"),
    [
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2028, 1, 30), date(2028, 2, 29)),
    ],
)
def test_a_month_ends_within_the_next_one(today: date, ends: date) -> None:
    assert last_day(Break.MONTH, "", today) == ends


def test_a_day_begins_at_the_citys_midnight() -> None:
    assert begins_at(date(2026, 12, 1), "Europe/Istanbul") == datetime(2026, 11, 30, 21, tzinfo=UTC)
