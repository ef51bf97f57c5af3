"""Figures of deliveries: how they came out, how long they took, what came back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.admin.figures import DAY, FEW, KINDS, Cell, Column, Names, Period, Table, shown
from service.ledger.delays import percentile
from service.models import (
    BounceDay,
    BounceVerdict,
    DelayDay,
    DeliveryDay,
    DeliveryState,
    DestinationKind,
    TallyDay,
)

MOST_DOMAINS = 15
OUTCOMES: dict[DeliveryState, Column] = {
    DeliveryState.SENT: Column("sent", _("Sent"), "good"),
    DeliveryState.QUEUED: Column("queued", _("Queued"), "line-strong"),
    DeliveryState.DEFERRED: Column("deferred", _("Deferred"), "warn"),
    DeliveryState.REJECTED: Column("rejected", _("Rejected"), "bad"),
    DeliveryState.UNKNOWN: Column("unknown", _("Unknown"), "mark"),
    DeliveryState.SUPPRESSED: Column("suppressed", _("Suppressed"), "ink-soft"),
    DeliveryState.CANCELLED: Column("cancelled", _("Cancelled"), "line"),
}
VERDICTS = {
    BounceVerdict.HARD: Column("hard", _("No such mailbox"), "bad"),
    BounceVerdict.DISABLED: Column("disabled", _("Mailbox takes no mail"), "mark"),
    BounceVerdict.SOFT: Column("soft", _("Full or away"), "warn"),
    BounceVerdict.OURS: Column("ours", _("Refused because of us"), "accent"),
    BounceVerdict.COMPLAINT: Column("complaint", _("Called spam"), "ink-soft"),
}


def deliveries(session: Session, period: Period, _names: Names) -> Table:
    """How the deliveries of what was released on a day came out; a push to a hub tells nobody."""
    counts = _delivered(session, period, lambda row: row.state, is_told=True)
    return _over_time(period, counts, {int(state): column for state, column in OUTCOMES.items()})


def channels(session: Session, period: Period, _names: Names) -> Table:
    """Sent deliveries by the way they took."""
    counts = _delivered(session, period, lambda row: row.destination_kind, DeliveryState.SENT)
    return _over_time(period, counts, KINDS)


def delays(session: Session, period: Period, _names: Names) -> Table:
    """Seconds from publication to delivery: half of all, and 95 percent, took at most that."""
    found = session.execute(
        select(DelayDay.day, DelayDay.bucket, func.sum(DelayDay.count))
        .where(DelayDay.day.between(period.first, period.today))
        .group_by(DelayDay.day, DelayDay.bucket)
    )
    buckets: defaultdict[date, Counter[int]] = defaultdict(Counter)
    for day, bucket, count in found:
        buckets[period.step_of(day)][bucket] += int(count)
    rows = [
        (step, *(percentile(buckets[step], share) for share in (0.5, 0.95)))
        for step in period.steps
    ]
    columns = (
        DAY,
        Column("p50_s", _("Half of all")),
        Column("p95_s", _("95 percent of all"), "mark"),
    )
    return Table(columns, rows)


def bounces(session: Session, period: Period, _names: Names) -> Table:
    """What came back, by domain, the most first; small domains together."""
    found = session.execute(
        select(BounceDay.domain, BounceDay.verdict, func.sum(BounceDay.count))
        .where(BounceDay.day.between(period.first, period.today))
        .group_by(BounceDay.domain, BounceDay.verdict)
    )
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for domain, verdict, count in found:
        counts[domain][verdict] += int(count)
    named = sorted((one for one in counts if one), key=lambda one: -counts[one].total())
    few = [one for one in named if counts[one].total() < FEW]
    rest = Counter[str]()
    for domain in {"", *few, *named[MOST_DOMAINS:]}:
        rest += counts[domain]
    kept = [(one, counts[one]) for one in named[:MOST_DOMAINS] if one not in few]
    if rest:
        kept.append((str(_("All other domains")), rest))
    rows = [(name, *(shown(of[verdict]) for verdict in VERDICTS)) for name, of in kept]
    return Table((Column("domain", _("Domain")), *VERDICTS.values()), rows)


def _delivered(
    session: Session,
    period: Period,
    key: Callable[[Any], Any],
    *states: DeliveryState,
    is_told: bool = False,
) -> dict[date, Counter[Any]]:
    counts: defaultdict[date, Counter[Any]] = defaultdict(Counter)
    for table in (DeliveryDay, TallyDay):
        query = (
            select(
                table.day, table.state, table.destination_kind, func.sum(table.count).label("sum")
            )
            .where(table.day.between(period.first, period.today))
            .group_by(table.day, table.state, table.destination_kind)
        )
        if is_told:
            query = query.where(table.destination_kind != DestinationKind.WEBSUB)
        if states:
            query = query.where(table.state.in_(states))
        for row in session.execute(query):
            counts[period.step_of(row.day)][key(row)] += int(row.sum)
    return counts


def _over_time(
    period: Period, counts: dict[date, Counter[Any]], columns: dict[Any, Column]
) -> Table:
    """A row a step, a column for each key that ever occurs, and for the first one always."""
    first = next(iter(columns))
    used = [key for key in columns if key == first or any(of[key] for of in counts.values())]
    empty = Counter[Any]()
    rows: list[tuple[Cell, ...]] = [
        (step, *(counts.get(step, empty)[key] for key in used)) for step in period.steps
    ]
    return Table((DAY, *(columns[key] for key in used)), rows)
