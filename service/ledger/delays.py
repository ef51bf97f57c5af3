"""Delays from publication to delivery, in buckets whose edges grow by 19 %.

A percentile is read from the buckets as the middle (by factors) of the one it falls into, so it is
never more than 9.1 % away from the true one between 1 second and 10 days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Date, bindparam, text
from sqlalchemy.orm import Session

from service.db import place_among

GROWTH = 2 ** (1 / 4)
EDGES_S = tuple(GROWTH**number for number in range(80))  # bucket n ends before edge n
ERROR = GROWTH**0.5 - 1

ADD = text("""
    INSERT INTO delay_day (day, destination_kind, lane, bucket, count)
    VALUES (:day, :destination_kind, :lane, :bucket, :count)
    ON CONFLICT (day, destination_kind, lane, bucket)
    DO UPDATE SET count = delay_day.count + excluded.count
""").bindparams(bindparam("day", type_=Date()))


@dataclass(frozen=True, order=True)
class Delay:
    """Deliveries of a day that took about the same time."""

    day: date
    destination_kind: str
    lane: str
    bucket: int


def add_delays(session: Session, delays: Counter[Delay]) -> None:
    """Add to the day's delays, in one order, or take back what is negative."""
    changed = [{**vars(one), "count": delays[one]} for one in sorted(delays) if delays[one]]
    if changed:
        session.connection().execute(ADD, changed)


def bucket_of(seconds: float) -> int:
    """The bucket of one delay."""
    return bisect_right(EDGES_S, seconds)


def bucket_at(
    settled_at: ColumnElement[datetime | None], published: datetime
) -> ColumnElement[int]:
    """The bucket of a delivery in SQL that both databases read, in seven comparisons."""
    moments = [published + timedelta(seconds=edge) for edge in EDGES_S]
    return place_among(settled_at, moments)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Seconds within which this share (0 to 1) of all was delivered; None for no delivery."""
    total, passed = sum(counts.values()), 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if counts[bucket] and passed >= share * total:
            return _middle(bucket)
    return None


def _middle(bucket: int) -> float:
    """Seconds that stand for a bucket; the last one has no end."""
    if bucket == 0:
        return 0.5
    return float(EDGES_S[bucket - 1] * (GROWTH**0.5 if bucket < len(EDGES_S) else 1.0))
