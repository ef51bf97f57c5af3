"""Direct messages: confirmations, sign-in links and test-sends, each a delivery (invariant 14)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.batches import new_batch
from service.models import (
    Batch,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Notification,
    NotificationKind,
    NotificationState,
)


def queue_direct(
    session: Session,
    *,
    destination: Destination,
    template: str,
    payload: dict[str, Any],
    request_id: str,
) -> Batch:
    """Plan one message to one destination; ring for the batch once the caller has committed."""
    now = utcnow()
    notification = Notification(
        kind=NotificationKind.SERVICE,
        state=NotificationState.PLANNED,
        payload={**payload, "template": template},
        release_at=now,
        released_at=now,
        planned_at=now,
        planned=1,
        request_id=request_id,
    )
    session.add(notification)
    session.flush()
    batch = new_batch(notification, DestinationKind(destination.kind), destination.lane)
    session.add(batch)
    session.flush()
    session.add(
        Delivery(
            notification_id=notification.id,
            destination_id=destination.id,
            state=DeliveryState.QUEUED,
            batch_id=batch.id,
        )
    )
    return batch
