"""Settling: outcomes become rows, in bulk, and only where nobody else has settled before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from service.db import BigId, Moment, rows
from service.ledger.lease import LEASE_S, Lease, LeaseLost, boot_clock
from service.ledger.outcome import Outcome, after_policy, backoff
from service.models import Batch, Delivery, DeliveryAnswer, DeliveryState, DestinationKind

# Whoever settles something was not killed by it: the claims before are forgiven.
PROGRESS = {"attempts": 0}

SETTLE = (
    update(Delivery)
    .where(Delivery.notification_id == bindparam("notification"))
    .where(Delivery.destination_id == bindparam("destination"))
    .where(Delivery.state == DeliveryState.QUEUED)
    .values(
        state=bindparam("outcome"),
        attempts=bindparam("attempt"),
        revision_id=bindparam("revision"),
        maybe_revision_id=func.coalesce(
            bindparam("maybe", type_=BigId), Delivery.maybe_revision_id
        ),
        settled_at=bindparam("now", type_=Moment()),
        due_at=bindparam("due", type_=Moment()),
    )
    .execution_options(synchronize_session=False)
)


def settle(
    session: Session,
    lease: Lease,
    outcomes: Mapping[int, Outcome],
    now: datetime,
    revision_id: int | None,
) -> None:
    """Write outcomes in bulk and extend the lease, in the caller's transaction.

    Raises:
        LeaseLost: the batch is somebody else's; nothing was written.
    """
    ends = boot_clock() + LEASE_S
    extended = rows(
        session,
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(due_at=now + timedelta(seconds=LEASE_S), **(PROGRESS if outcomes else {})),
    )
    if not extended:
        raise LeaseLost(lease.batch_id)
    write_outcomes(session, lease.notification_id, lease.kind, outcomes, now, revision_id)
    lease.ends = ends


def write_outcomes(
    session: Session,
    notification_id: int,
    kind: DestinationKind,
    outcomes: Mapping[int, Outcome],
    now: datetime,
    revision_id: int | None,
) -> None:
    """Settle deliveries that are still queued; those settled before stay as they are."""
    if not outcomes:
        return
    open_ = session.execute(
        select(Delivery.destination_id, Delivery.attempts, Delivery.maybe_revision_id)
        .where(Delivery.notification_id == notification_id)
        .where(Delivery.destination_id.in_(list(outcomes)))
        .where(Delivery.state == DeliveryState.QUEUED)
    ).all()
    settled, answers = [], []
    for destination_id, before, maybe in open_:
        given = outcomes[destination_id]
        attempt = before + given.is_try
        outcome = after_policy(kind, given, attempt, is_in_doubt=maybe is not None)
        is_deferred = outcome.state == DeliveryState.DEFERRED
        is_doubt = is_deferred and given.state == DeliveryState.UNKNOWN
        settled.append(
            {
                "notification": notification_id,
                "destination": destination_id,
                "outcome": outcome.state,
                "attempt": attempt,
                "revision": revision_id if given.is_try else maybe or None,
                "maybe": (revision_id or 0) if is_doubt else None,
                "now": now,
                "due": now + backoff(attempt, outcome.retry_after_s) if is_deferred else None,
            }
        )
        if outcome.is_worth_keeping and given.is_try:
            answers.append(
                {
                    "notification_id": notification_id,
                    "destination_id": destination_id,
                    "state": outcome.state,
                    "code": outcome.code[:16],
                    "detail": outcome.detail[:500],
                    "at": now,
                }
            )
    if settled:
        session.connection().execute(SETTLE, settled)
    if answers:
        session.execute(insert(DeliveryAnswer), answers)
