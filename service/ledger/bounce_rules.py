"""When a bounce ends writing to its address (email guide, rules 15 and 16; docs/adr/0015)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from service.bounces import VAGUE
from service.ledger.refusing import is_in_doubt
from service.models import Bounce, BounceVerdict, Delivery, DeliveryState, SuppressionReason

DISABLED_TIMES, DISABLED_WITHIN = 2, timedelta(days=7)
SOFT_TIMES, SOFT_OVER = 5, timedelta(days=14)
STAYED = timedelta(days=1)  # a letter that has not come back for so long has arrived


def reason_of(
    session: Session, destination_id: int, domain: str, verdict: BounceVerdict, now: datetime
) -> SuppressionReason | None:
    """Why this bounce ends writing to its address; None: it does not."""
    match verdict:
        case BounceVerdict.HARD:
            return SuppressionReason.HARD
        case BounceVerdict.COMPLAINT:
            return SuppressionReason.COMPLAINT
        case BounceVerdict.DISABLED:
            times = _times(session, destination_id, verdict, Bounce.at >= now - DISABLED_WITHIN)
            return SuppressionReason.DISABLED if len(times) >= DISABLED_TIMES else None
        case BounceVerdict.SOFT:
            is_lasting = _is_lasting(session, destination_id, domain, now)
            return SuppressionReason.SOFT if is_lasting else None
    return None


def _is_lasting(session: Session, destination_id: int, domain: str, now: datetime) -> bool:
    """Often enough, for long enough, and no letter has arrived since the first one.

    While it is in doubt whether we are blocked, only those count that say why.
    """
    times = _times(session, destination_id, BounceVerdict.SOFT)
    if _is_enough(times) and is_in_doubt(session, domain):
        times = _times(session, destination_id, BounceVerdict.SOFT, Bounce.status.not_in(VAGUE))
    if not _is_enough(times):
        return False
    came_back = aliased(Bounce)
    arrived = session.scalar(
        select(func.max(Delivery.settled_at))
        .where(Delivery.destination_id == destination_id)
        .where(Delivery.state == DeliveryState.SENT)
        .where(Delivery.settled_at > times[0], Delivery.settled_at < now - STAYED)
        .where(
            ~select(came_back.id)
            .where(came_back.notification_id == Delivery.notification_id)
            .where(came_back.destination_id == Delivery.destination_id)
            .exists()
        )
    )
    return arrived is None or _is_enough([at for at in times if at > arrived])


def _is_enough(times: Sequence[datetime]) -> bool:
    return len(times) >= SOFT_TIMES and times[-1] - times[0] >= SOFT_OVER


def _times(
    session: Session, destination_id: int, verdict: BounceVerdict, *only: ColumnElement[bool]
) -> Sequence[datetime]:
    """When an address's letters came back by one verdict, in order."""
    query = (
        select(Bounce.at)
        .where(Bounce.destination_id == destination_id, Bounce.verdict == verdict)
        .where(Bounce.forgiven_at.is_(None), *only)
        .order_by(Bounce.at)
    )
    return session.scalars(query).all()
