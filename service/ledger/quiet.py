"""Quiet hours: the hours of the city's day in which a reader wants no message.

They are looked at when a delivery is about to leave, not when it is planned, so that a retry in the
night waits too. What waits is deferred to the end of the hours, which is no try.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.ledger.outcome import QUIET, Outcome
from service.models import DeliveryState

DAY_MIN = 24 * 60


def quiet_for(now: datetime, start_min: int | None, end_min: int | None, zone: str) -> timedelta:
    """How long quiet hours still last; zero where it is not quiet now.

    `start_min` and `end_min` are minutes after midnight of the city's day, which may lie in
    between; equal ones are a whole day. Null: the reader has none.
    """
    if start_min is None or end_min is None:
        return timedelta(0)
    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    if (minute - start_min) % DAY_MIN >= (end_min - start_min - 1) % DAY_MIN + 1:
        return timedelta(0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    # Wall time, so that the hours end by the clock on the wall when that is changed in between.
    end = midnight + timedelta(days=int(end_min <= minute), minutes=end_min)
    return end.astimezone(now.tzinfo) - now


def waiting(left: timedelta) -> Outcome:
    """A delivery that waits for the quiet hours to end."""
    return Outcome(DeliveryState.DEFERRED, QUIET, retry_after_s=left.total_seconds())
