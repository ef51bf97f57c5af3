"""Bounces a day and domain: counted once the day is over, kept when the bounces themselves go."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from service.db import Database
from service.models import Bounce, BounceDay

BACK = timedelta(days=90)  # how far the first count looks
KEEP = timedelta(days=400)
LATE = timedelta(days=2)  # a day is counted anew for so long: a row may be committed a little late
OTHER = "other"  # the lane of all domains that no large provider runs
FEW = 5  # a domain of fewer is somebody's own, and goes into the sum of all others


def count_missing(db: Database, zone: ZoneInfo, now: datetime) -> int:
    """Count the days that are over and were not counted, and the last two anew; returns how many.

    Each is one transaction that puts its counts in the place of those before.
    """
    today = now.astimezone(zone).date()
    with db.read() as session:
        newest = session.scalar(select(func.max(BounceDay.day)))
    day = max(today - BACK, (newest or today - BACK) - LATE)
    days = [day + timedelta(days=number) for number in range((today - day).days)]
    for day in days:
        with db.write() as session:
            _count(session, day, zone)
    with db.write() as session:
        session.execute(delete(BounceDay).where(BounceDay.day < today - KEEP))
    return len(days)


def _count(session: Session, day: date, zone: ZoneInfo) -> None:
    start, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    found = session.execute(
        select(Bounce.domain, Bounce.lane, Bounce.verdict, func.count())
        .where(Bounce.at >= start, Bounce.at < end)  # ix_bounce_at
        .group_by(Bounce.domain, Bounce.lane, Bounce.verdict)
    ).all()
    of_domain = Counter[str]()
    for domain, _, _, count in found:
        of_domain[domain] += count
    counts = Counter[tuple[str, str]]()
    for domain, lane, verdict, count in found:
        is_named = lane != OTHER or of_domain[domain] >= FEW
        counts[domain if is_named else "", verdict] += count
    session.execute(delete(BounceDay).where(BounceDay.day == day))
    if counts:
        session.execute(
            insert(BounceDay),
            [
                {"day": day, "domain": domain, "verdict": verdict, "count": count}
                for (domain, verdict), count in counts.items()
            ],
        )
