"""Counts of deliveries by outcome, for pages: never a count of a large notification's rows.

What is archived has its final counts, what is over its tally. What is under way is counted at once
where it is small, else it is as the last tally says, and what was planned since is queued.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.ledger.tallies import is_final
from service.models import Delivery, DeliveryState, Notification, Tally

EXACT = 1_000  # deliveries that are counted for a page: one batch


class Counts(dict[str, int]):
    """By the state's word, and `planned`, all. `as_of`: when a part was counted that still changes;
    None: these are the figures of this moment."""

    as_of: datetime | None = None


def outcome_counts(session: Session, article_id: int) -> Counts:
    """How many deliveries of an article's notifications are in each state, and `planned`, all."""
    found = session.execute(
        select(Notification, Tally)
        .outerjoin(Tally, Tally.notification_id == Notification.id)
        .where(Notification.article_id == article_id)
    )
    total, moments = Counter[str](), []
    for notification, tally in found:
        counts, as_of = _counts(session, notification, tally)
        total.update(counts)
        moments += [as_of] if as_of else []
    return _summed(total, min(moments, default=None))


def notification_counts(session: Session, notification: Notification) -> Counts:
    """The same of one notification."""
    tally = session.get(Tally, notification.id)
    return _summed(*_counts(session, notification, tally))


def _summed(counted: Counter[str], as_of: datetime | None) -> Counts:
    counts = {state.word: counted[state.word] for state in DeliveryState}
    summed = Counts({"planned": sum(counts.values()), **counts})
    summed.as_of = as_of
    return summed


def _counts(
    session: Session, notification: Notification, tally: Tally | None
) -> tuple[Counter[str], datetime | None]:
    if notification.archived_at is not None:
        return Counter(notification.final_counts or {}), None
    if tally is not None and is_final(notification):
        return _of_tally(tally), None
    if notification.planned <= EXACT:
        exact = _exact(session, notification.id)
        if exact.total() <= EXACT:
            return exact, None
    counts = _of_tally(tally) if tally is not None else Counter[str]()
    # Rows begin as queued; those that were planned since then were not counted yet.
    counts[DeliveryState.QUEUED.word] += max(0, notification.planned - counts.total())
    return counts, tally.counted_at if tally is not None else notification.created_at


def _of_tally(tally: Tally) -> Counter[str]:
    return Counter({state.word: tally.count(state) for state in DeliveryState})


def _exact(session: Session, notification_id: int) -> Counter[str]:
    """By a walk of the primary key that ends after `EXACT` rows and one."""
    some = (
        select(Delivery.state)
        .where(Delivery.notification_id == notification_id)
        .limit(EXACT + 1)
        .subquery()
    )
    found = session.execute(select(some.c.state, func.count()).group_by(some.c.state))
    return Counter({DeliveryState(state).word: count for state, count in found})
