"""Quiet hours by the city's clock: over midnight, and where the clock on the wall is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.quiet import quiet_for

IZMIR, BERLIN = "Europe/Istanbul", "Europe/Berlin"
NIGHT = 22 * 60, 7 * 60


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    """A moment of İzmir's day, which is three hours ahead of UTC all year."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=3)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (at(21, 59), timedelta(0)),
        (at(22), timedelta(hours=9)),
        (at(23, 30), timedelta(hours=7, minutes=30)),
        (at(0), timedelta(hours=7)),
        (at(6, 59), timedelta(minutes=1)),
        (at(7), timedelta(0)),
        (at(12), timedelta(0)),
    ],
)
def test_a_night_lasts_until_the_morning(now: datetime, left: timedelta) -> None:
    assert quiet_for(now, *NIGHT, IZMIR) == left


def test_hours_within_a_day_end_on_that_day() -> None:
    assert quiet_for(at(13), 12 * 60, 14 * 60, IZMIR) == timedelta(hours=1)
    assert quiet_for(at(14), 12 * 60, 14 * 60, IZMIR) == timedelta(0)


def test_who_has_none_is_never_quiet() -> None:
    assert quiet_for(at(3), None, None, IZMIR) == timedelta(0)


@pytest.mark.parametrize(("day", "left"), [((2026, 3, 28), 8), ((2026, 10, 24), 10)])
def test_a_night_in_which_the_clocks_change_ends_by_the_clock_on_the_wall(
    day: tuple[int, int, int], left: int
) -> None:
    offset = 1 if day[1] == 3 else 2
    now = datetime(*day, 22 - offset, tzinfo=UTC)

    assert quiet_for(now, *NIGHT, BERLIN) == timedelta(hours=left)


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(0, 365 * 24 * 60),
)
def test_it_is_not_quiet_once_the_hours_are_over(start: int, end: int, minute: int) -> None:
    now = at(0) + timedelta(minutes=minute)
    left = quiet_for(now, start, end, IZMIR)

    assert timedelta(0) <= left <= timedelta(days=1)
    if start != end:
        assert quiet_for(now + left, start, end, IZMIR) == timedelta(0)
