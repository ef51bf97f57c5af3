"""Claim, lease, settle: how one worker owns a batch, and how it loses it."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import RowMapping, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from service.db import Moment
from service.ledger.batches import CLOSE_ONE
from service.ledger.journal import OwnerState, state_of
from service.ledger.outcome import ON_THE_WIRE, Outcome, after_policy, backoff
from service.ledger.plan import rows
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    DestinationKind,
    Notification,
)

LEASE_S = 60.0
SAFETY_S = 2.0  # an envelope that starts later than this before the lease's end might overlap


class LeaseLost(Exception):
    """Somebody else has the batch now: stop at once, settle nothing."""


@dataclass
class Lease:
    """A batch that this process owns until `ends`, a reading of CLOCK_BOOTTIME in seconds.

    That clock also runs while the machine sleeps, so a worker that was frozen knows it.
    """

    batch_id: int
    notification_id: int
    kind: DestinationKind
    token: str
    ends: float
    request_id: str

    @property
    def is_safe(self) -> bool:
        """False where another worker may own the batch already: stop before the next envelope."""
        return boot_clock() < self.ends - SAFETY_S


def boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def claim(session: Session, batch_id: int, now: datetime, journals: Path) -> Lease | None:
    """Take a batch that is due, by compare-and-set; None: it is done, not due, or taken.

    A dead owner's journal on this host must be replayed first (the sweeper does it at once).
    Where the journal cannot be had (another host, or its owner is stopped, not dead), the first
    unsettled delivery was perhaps on the wire: it becomes unknown.
    """
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is None or batch.state == BatchState.DONE or batch.due_at > now:
        return None
    if batch.lease and state_of(journals, batch.lease) is OwnerState.DEAD:
        return None
    previous, token = batch.lease, f"{socket.gethostname()}-{secrets.token_hex(8)}"
    ends = boot_clock() + LEASE_S
    taken = rows(
        session,
        update(Batch)
        .where(Batch.id == batch_id, Batch.state < BatchState.DONE, Batch.due_at <= now)
        .where(Batch.lease.is_not_distinct_from(previous))
        .values(
            state=BatchState.LEASED,
            lease=token,
            due_at=now + timedelta(seconds=LEASE_S),
            attempts=Batch.attempts + 1,
        )
        .execution_options(synchronize_session=False),
    )
    if not taken:
        return None
    lease = Lease(
        batch_id=batch_id,
        notification_id=batch.notification_id,
        kind=DestinationKind(batch.kind),
        token=token,
        ends=ends,
        request_id=session.get_one(Notification, batch.notification_id).request_id,
    )
    if previous and (
        state_of(journals, previous) is OwnerState.ALIVE or not _is_of_this_host(previous)
    ):
        _mark_head_unknown(session, lease, now)
    return lease


# What a worker needs of each unsettled delivery; read again before every slice, so that an
# unsubscribe or a pause that has committed is final (invariant 8).
PENDING = text("""
    SELECT v.destination_id, v.subscription_id, v.attempts,
           d.address, d.language, d.channel_id, s.topic_id, s.place_id,
           s.created_at AS subscribed_at,
           CASE WHEN n.kind = 'service' THEN x.address_hash IS NULL
                ELSE d.verified_at IS NOT NULL AND NOT d.is_paused AND x.address_hash IS NULL
                     AND (s.id IS NULL OR s.ended_at IS NULL)
           END AS is_eligible,
           (n.stopped_at IS NOT NULL) AS is_cancelled
    FROM delivery v
    JOIN notification n ON n.id = v.notification_id
    JOIN destination d ON d.id = v.destination_id
    LEFT JOIN subscription s ON s.id = v.subscription_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE v.batch_id = :batch AND v.state = 0 AND v.destination_id > :after
    ORDER BY v.destination_id LIMIT :size
""").columns(subscribed_at=Moment())


def pending(session: Session, lease: Lease, after: int, size: int) -> Sequence[RowMapping]:
    """The next unsettled deliveries of a batch, in order of destination, with their eligibility."""
    return (
        session.execute(PENDING, {"batch": lease.batch_id, "after": after, "size": size})
        .mappings()
        .all()
    )


SETTLE = (
    update(Delivery)
    .where(Delivery.notification_id == bindparam("notification"))
    .where(Delivery.destination_id == bindparam("destination"))
    .where(Delivery.state == DeliveryState.QUEUED)
    .values(
        state=bindparam("outcome"),
        attempts=bindparam("attempt"),
        revision_id=bindparam("revision"),
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
        .values(due_at=now + timedelta(seconds=LEASE_S)),
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
    tried = {
        int(destination): int(attempts)
        for destination, attempts in session.execute(
            select(Delivery.destination_id, Delivery.attempts)
            .where(Delivery.notification_id == notification_id)
            .where(Delivery.destination_id.in_(list(outcomes)))
            .where(Delivery.state == DeliveryState.QUEUED)
        )
    }
    settled, answers = [], []
    for destination_id, before in tried.items():
        was_tried = outcomes[destination_id].state not in (
            DeliveryState.SUPPRESSED,
            DeliveryState.CANCELLED,
        )
        attempt = before + was_tried
        outcome = after_policy(kind, outcomes[destination_id], attempt)
        key = {"notification": notification_id, "destination": destination_id}
        is_deferred = outcome.state == DeliveryState.DEFERRED
        settled.append(
            {
                **key,
                "outcome": outcome.state,
                "attempt": attempt,
                "revision": revision_id if was_tried else None,
                "now": now,
                "due": now + backoff(attempt, outcome.retry_after_s) if is_deferred else None,
            }
        )
        if outcome.is_worth_keeping and was_tried:
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


def finish(session: Session, lease: Lease, now: datetime) -> None:
    """End a batch none of whose deliveries is queued, and its notification with the last one."""
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(state=BatchState.DONE, lease=None)
    )
    session.execute(CLOSE_ONE, {"notification": lease.notification_id, "now": now})


def postpone(session: Session, lease: Lease, until: datetime) -> None:
    """Hand a batch back untouched; it is due again at the given time."""
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(state=BatchState.READY, lease=None, due_at=until)
    )


def give_back(session: Session, lease_token: str, batch_id: int, now: datetime) -> None:
    """Make a batch claimable at once: its owner stopped early or is known to be dead."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.lease == lease_token, Batch.state < BatchState.DONE)
        .values(state=BatchState.READY, lease=None, due_at=now)
    )


def _is_of_this_host(token: str) -> bool:
    return token.rpartition("-")[0] == socket.gethostname()


def _mark_head_unknown(session: Session, lease: Lease, now: datetime) -> None:
    """Deliveries are sent in order, one at a time: only the first unsettled one can be afloat."""
    head = pending(session, lease, after=0, size=1)
    notification = session.get_one(Notification, lease.notification_id)
    if head:
        write_outcomes(
            session,
            notification.id,
            lease.kind,
            {head[0]["destination_id"]: ON_THE_WIRE},
            now,
            None,
        )
