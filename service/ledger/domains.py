"""The health of mail: how each lane takes our letters, and which recipient domains send them back.

Everything is looked at in bounded samples of the newest rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from service.ledger.lanes import is_stopped
from service.ledger.tallies import by_lane
from service.models import (
    Batch,
    BatchState,
    Bounce,
    BounceVerdict,
    Delivery,
    DeliveryState,
    DestinationKind,
    MailLane,
    Notification,
)

PERIOD = timedelta(days=1)
BATCHES, LETTERS = 40, 25  # of a lane, and of each of these, that the waits are measured by
BOUNCES = 20_000  # the newest ones, which are looked through for domains
DOMAINS = 25  # that are shown
LANES = 100


@dataclass
class LaneHealth:
    """A lane: outcomes of what was released since yesterday, the wait in seconds that 95 of 100
    letters do not exceed, what came back, and whether anything goes there."""

    name: str
    counts: Counter[DeliveryState] = field(default_factory=Counter)
    p95_s: float | None = None
    complaints: int = 0
    returned: int = 0
    links: int | None = None
    closed_until: datetime | None = None
    reason: str = ""
    is_stopped: bool = False
    cap: int | None = None


@dataclass(frozen=True)
class DomainHealth:
    """A recipient's domain: what came back of it, by verdict, and until when it is closed."""

    name: str
    verdicts: Counter[BounceVerdict]
    closed_until: datetime | None = None
    reason: str = ""


def lanes(session: Session, now: datetime) -> list[LaneHealth]:
    """All lanes that mail went to, by name."""
    since = now - PERIOD
    rows = session.scalars(select(MailLane).order_by(MailLane.name).limit(LANES * 5)).all()
    kept = {row.name: row for row in rows if "." not in row.name}
    counts = {name: lane.counts for name, lane in by_lane(session, since.date()).items()}
    returned = _returned(session, since)
    names = sorted({*kept, *counts, *returned.keys()})
    return [
        _lane(session, name, kept.get(name), counts.get(name, Counter()), returned[name], now)
        for name in names[:LANES]
    ]


def domains(session: Session, now: datetime) -> list[DomainHealth]:
    """The recipient domains with most trouble: what came back lately, and those that are closed."""
    newest = select(Bounce.domain, Bounce.verdict, Bounce.at).order_by(Bounce.id.desc())
    window = newest.limit(BOUNCES).subquery()
    found = session.execute(
        select(window.c.domain, window.c.verdict, func.count())
        .where(window.c.at >= now - PERIOD)
        .group_by(window.c.domain, window.c.verdict)
    )
    verdicts: defaultdict[str, Counter[BounceVerdict]] = defaultdict(Counter)
    for domain, verdict, count in found:
        verdicts[domain][BounceVerdict(verdict)] = count
    closed = {
        row.name: row
        for row in session.scalars(select(MailLane).where(MailLane.closed_until > now).limit(LANES))
        if "." in row.name
    }
    names = sorted({*verdicts, *closed}, key=lambda name: (-verdicts[name].total(), name))
    return [
        DomainHealth(
            name,
            verdicts[name],
            closed[name].closed_until if name in closed else None,
            closed[name].reason if name in closed else "",
        )
        for name in names[:DOMAINS]
    ]


def _lane(
    session: Session,
    name: str,
    row: MailLane | None,
    counts: Counter[DeliveryState],
    returned: Counter[BounceVerdict],
    now: datetime,
) -> LaneHealth:
    health = LaneHealth(name, counts, _p95(session, name))
    health.complaints = returned[BounceVerdict.COMPLAINT]
    health.returned = returned.total() - health.complaints
    health.is_stopped = is_stopped(session, name)
    if row is not None:
        health.links, health.cap = row.links, row.cap
        if row.closed_until is not None and row.closed_until > now:
            health.closed_until, health.reason = row.closed_until, row.reason
    return health


def _returned(session: Session, since: datetime) -> defaultdict[str, Counter[BounceVerdict]]:
    newest = select(Bounce.lane, Bounce.verdict, Bounce.at).order_by(Bounce.id.desc())
    window = newest.limit(BOUNCES).subquery()
    found = session.execute(
        select(window.c.lane, window.c.verdict, func.count())
        .where(window.c.at >= since)
        .group_by(window.c.lane, window.c.verdict)
    )
    counts: defaultdict[str, Counter[BounceVerdict]] = defaultdict(Counter)
    for lane, verdict, count in found:
        counts[lane][BounceVerdict(verdict)] = count
    return counts


def _p95(session: Session, lane: str) -> float | None:
    """From the release to the outcome, of a sample of the newest letters that were sent: some of
    each of the newest batches, on `ix_delivery_batch_id`."""
    newest = select(Batch.id, Batch.lane, Batch.kind, Batch.state).order_by(Batch.id.desc())
    window = newest.limit(BATCHES * 25).subquery()
    ids = session.scalars(
        select(window.c.id)
        .where(window.c.lane == lane, window.c.kind == DestinationKind.EMAIL)
        .where(window.c.state == BatchState.DONE)
        .order_by(window.c.id.desc())
        .limit(BATCHES)
    ).all()
    if not ids:
        return None
    parts = [
        select(Delivery.notification_id, Delivery.state, Delivery.settled_at)
        .where(Delivery.batch_id == id_)
        .limit(LETTERS)
        .subquery()
        for id_ in ids
    ]
    sampled = union_all(*(select(part, literal(1)) for part in parts)).subquery()
    released = func.coalesce(Notification.resent_at, Notification.released_at)
    found = session.execute(
        select(sampled.c.settled_at, released.label("released_at"))
        .join(Notification, Notification.id == sampled.c.notification_id)
        .where(sampled.c.state == DeliveryState.SENT)
    ).all()
    waits = sorted((at - since).total_seconds() for at, since in found if at and since)
    return waits[min(int(len(waits) * 0.95), len(waits) - 1)] if waits else None
