"""Troubles: how many letters came back, by lane; what a throttle and staff ask for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.models import Bounce, BounceVerdict


def complaints(session: Session, lane: str, since: datetime) -> int:
    """How many letters of a lane were called spam since a time."""
    query = select(func.count()).select_from(Bounce)
    its = (Bounce.lane == lane, Bounce.verdict == BounceVerdict.COMPLAINT, Bounce.at >= since)
    return session.scalar(query.where(*its)) or 0


def counts_by_lane(session: Session, since: datetime) -> Mapping[str, Counter[BounceVerdict]]:
    """How many letters of each lane came back since a time, by verdict."""
    found = session.execute(
        select(Bounce.lane, Bounce.verdict, func.count())
        .where(Bounce.at >= since)
        .group_by(Bounce.lane, Bounce.verdict)
    )
    counts: defaultdict[str, Counter[BounceVerdict]] = defaultdict(Counter)
    for lane, verdict, count in found:
        counts[lane][BounceVerdict(verdict)] = count
    return counts
