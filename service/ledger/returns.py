"""What came back, for staff: by domain and verdict, and one by one; each walk is bounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from service.models import Alarm, AlarmKind, Bounce, BounceVerdict

MOST_COUNTED = 20_000
DOMAINS = 30


@dataclass(frozen=True)
class ByDomain:
    """How many came back of each domain, those with most first. `is_whole`: of the whole time, not
    of its newest part alone."""

    counts: Mapping[str, Counter[str]]
    is_whole: bool


def by_domain(session: Session, since: datetime) -> ByDomain:
    """Count the newest of a time, at most MOST_COUNTED of them, along `ix_bounce_at`."""
    newest = (
        select(Bounce.domain, Bounce.verdict)
        .where(Bounce.at >= since)
        .order_by(Bounce.at.desc(), Bounce.id.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    rows = session.execute(
        select(newest.c.domain, newest.c.verdict, func.count()).group_by(
            newest.c.domain, newest.c.verdict
        )
    ).all()
    found = defaultdict[str, Counter[str]](Counter)
    for domain, verdict, count in rows:
        found[domain][verdict] = count
    order = sorted(found, key=lambda name: (-found[name].total(), name))
    total = sum(count for _, _, count in rows)
    return ByDomain({name: found[name] for name in order}, total < MOST_COUNTED)


def newest(
    session: Session,
    limit: int,
    *,
    domain: str = "",
    verdict: BounceVerdict | None = None,
    before: int | None = None,
) -> Sequence[Bounce]:
    """The last ones, newest first, from before one on; of a verdict, among the newest alone."""
    key = (Bounce.at, Bounce.id)
    query = select(Bounce).order_by(*(column.desc() for column in key))
    if domain:
        query = query.where(Bounce.domain == domain.replace("\0", ""))  # PostgreSQL takes none
    if before is not None:
        last = session.get(Bounce, before)
        if last is None:
            return ()
        query = query.where(tuple_(*key) < (last.at, last.id))
    if verdict is not None:  # a rare one must not make a walk through all of them
        some = query.with_only_columns(Bounce.id).limit(MOST_COUNTED).subquery()
        query = query.where(Bounce.id.in_(select(some.c.id)), Bounce.verdict == verdict)
    return session.scalars(query.limit(limit)).all()


def mail_alarms(session: Session) -> Sequence[Alarm]:
    """Live alarms about domains and lanes, the oldest first."""
    kinds = (AlarmKind.MAIL_REFUSED, AlarmKind.MAIL_COMPLAINTS)
    live = select(Alarm).where(Alarm.kind.in_(kinds), Alarm.cleared_at.is_(None))
    return session.scalars(live.order_by(Alarm.raised_at, Alarm.id)).all()
