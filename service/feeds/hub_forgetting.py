"""What the hub ends and forgets by itself: leases that are over, and callbacks some time after."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from service.feeds.hub_subscriptions import end
from service.models import (
    Destination,
    WebsubEnd,
    WebsubList,
    WebsubRequest,
    WebsubSubscription,
)
from service.subscriptions.persons import FORGOTTEN

KEPT_FOR = timedelta(days=7)  # of what is over, and of what nobody confirmed
STEP = 1_000  # rows a transaction


def end_expired(session: Session, now: datetime) -> int:
    """End what is past its lease, some at a time; it was pushed nothing since."""
    over = session.scalars(
        select(WebsubSubscription.destination_id)
        .where(WebsubSubscription.ended_at.is_(None), WebsubSubscription.lease_until <= now)
        .where(WebsubSubscription.is_outside.is_(False))
        .limit(STEP)
        .with_for_update()  # a lease that is renewed at this moment is not over
    ).all()
    return sum(end(session, one, WebsubEnd.LEASE, now) for one in over)


def forget(session: Session, now: datetime) -> int:
    """Erase callbacks whose subscription is over for some days, or that nobody confirmed."""
    since = now - KEPT_FOR
    is_over = WebsubSubscription.ended_at < since
    is_unconfirmed = and_(
        WebsubSubscription.verified_at.is_(None),
        WebsubSubscription.is_outside.is_(False),
        WebsubSubscription.created_at < since,
    )
    has_asked = select(WebsubRequest.id).where(
        WebsubRequest.destination_id == WebsubSubscription.destination_id,
        WebsubRequest.created_at >= since,
    )
    old = session.scalars(
        select(WebsubSubscription.destination_id)
        .where(or_(is_over, is_unconfirmed), ~has_asked.exists())
        .limit(STEP)
        .with_for_update()
    ).all()
    for model in (WebsubRequest, WebsubList, WebsubSubscription):
        session.execute(delete(model).where(model.destination_id.in_(old)))
    for one in old:
        session.execute(
            update(Destination)
            .where(Destination.id == one)
            .values(address_hash=f"{FORGOTTEN}{one}")
        )
    return len(old)
