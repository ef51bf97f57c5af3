"""Claiming: one worker takes a batch that is due, and settles what its last owner left open."""

from __future__ import annotations

import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.lease import Lease, boot_clock
from service.ledger.policy import STANDARD, Policy
from service.ledger.remains import OwnerState, state_of
from service.ledger.replay import take_over
from service.models import Batch, BatchState, Notification


def claim(
    session: Session, batch_id: int, now: datetime, journals: Path, policy: Policy = STANDARD
) -> Lease | None:
    """Take a batch that is due, by compare-and-set; None: it is done, not due, or taken.

    A dead owner's journal on this host must be replayed first (the sweeper does it at once). One
    whose owner is stopped, not dead, is read here. Where the journal cannot be had (another host),
    every delivery that may have left without being settled is unknown.
    """
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is None or batch.state == BatchState.DONE or batch.due_at > now:
        return None
    if batch.lease and state_of(journals, batch.lease) is OwnerState.DEAD:
        return None
    previous, token = batch.lease, f"{socket.gethostname()}-{secrets.token_hex(8)}"
    ends = boot_clock() + policy.lease_s
    taken = rows(
        session,
        update(Batch)
        .where(Batch.id == batch_id, Batch.state < BatchState.DONE, Batch.due_at <= now)
        .where(Batch.lease.is_not_distinct_from(previous))
        .values(
            state=BatchState.LEASED,
            lease=token,
            due_at=now + timedelta(seconds=policy.lease_s),
            attempts=Batch.attempts + 1,
            held_at=None,
        )
        .execution_options(synchronize_session=False),
    )
    if not taken:
        return None
    request_id = session.get_one(Notification, batch.notification_id).request_id
    lease = Lease.of(batch, token, ends, request_id, policy)
    if previous:
        lease.inherited = take_over(session, lease, previous, journals, now)
    return lease
