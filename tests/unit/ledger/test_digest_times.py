"""When digests are due: by the clock on the city's wall, whoever changes it in the night."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.digest_runs import last_due
from service.models import Frequency

ISTANBUL, BERLIN = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/Berlin")


def wall(zone, *parts):
    return datetime(*parts, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ((2026, 12, 31, 7, 59), date(2026, 12, 30)),
        ((2026, 12, 31, 8, 0), date(2026, 12, 31)),
        ((2027, 1, 1, 0, 0), date(2026, 12, 31)),
        ((2027, 1, 1, 7, 59), date(2026, 12, 31)),
        ((2027, 1, 1, 8, 0), date(2027, 1, 1)),
    ],
)
def test_across_midnight_and_the_years_end(now, day):
    due = last_due(Frequency.DAILY, wall(ISTANBUL, *now), ISTANBUL)

    assert due.day == day
    assert due.until == wall(ISTANBUL, day.year, day.month, day.day, 8)


@pytest.mark.parametrize(("change", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_of_23_or_25_hours_is_one_day(change, hours):
    now = wall(BERLIN, change.year, change.month, change.day, 8, 1)

    due = last_due(Frequency.DAILY, now, BERLIN)

    assert due.day == change
    assert due.until - due.begins == timedelta(hours=hours)


def test_a_week_ends_on_monday_at_eight():
    before = last_due(Frequency.WEEKLY, wall(ISTANBUL, 2026, 6, 8, 7, 59), ISTANBUL)
    after = last_due(Frequency.WEEKLY, wall(ISTANBUL, 2026, 6, 8, 8), ISTANBUL)

    assert (before.day, after.day) == (date(2026, 6, 1), date(2026, 6, 8))
    assert after.begins == before.until


@given(
    st.integers(0, 15 * 366 * 24 * 60),
    st.sampled_from([ISTANBUL, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("UTC")]),
    st.sampled_from([Frequency.DAILY, Frequency.WEEKLY]),
)
def test_times_join_without_a_gap(minutes, zone, frequency):
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    due = last_due(frequency, now, zone)
    before = last_due(frequency, due.until - timedelta(seconds=1), zone)

    assert due.until <= now
    assert before.until == due.begins
    assert due.until.astimezone(zone).hour == 8
