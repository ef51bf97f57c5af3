"""Troubles: how many letters came back, by lane; what a throttle and staff ask for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.models import Bounce, BounceVerdict


@dataclass(frozen=True)
class Troubles:
    """What a lane holds against us: a reason to send there more slowly, or not at all."""

    complaints: int
    ours: int


def troubles(session: Session, lane: str, since: datetime) -> Troubles:
    """Complaints and bounces that are our fault, of one lane, since a time."""
    found = session.execute(
        select(Bounce.verdict, func.count())
        .where(Bounce.lane == lane, Bounce.at >= since)
        .where(Bounce.verdict.in_((BounceVerdict.COMPLAINT, BounceVerdict.OURS)))
        .group_by(Bounce.verdict)
    )
    counts = {BounceVerdict(verdict): count for verdict, count in found}
    return Troubles(
        counts.get(BounceVerdict.COMPLAINT, 0),
        counts.get(BounceVerdict.OURS, 0),
    )


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
