"""Delivering a batch: claim it, send its deliveries one after the other, settle as it goes.

The same loop serves every kind of destination; a `Sender` knows its own protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.journal import Journal
from service.ledger.lease import (
    Lease,
    LeaseLost,
    claim,
    finish,
    pending,
    postpone,
    settle,
)
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.models import DeliveryState
from service.runtime import Runtime

log = get_logger(__name__)

SLICE = 50
FRESH_S = 0.25  # eligibility is never older than this when an envelope starts (invariant 8)

CANCELLED = Outcome(DeliveryState.CANCELLED)
SUPPRESSED = Outcome(DeliveryState.SUPPRESSED)


class PeerAwayError(Exception):
    """The other side takes nothing at all now; the batch waits and no delivery is touched."""

    def __init__(self, detail: str, retry_after_s: float = 30.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """Speaks one protocol for the length of a batch."""

    def prepare(self, session: Session) -> int | None:
        """Read what the next slice needs; return the revision that it will send, if any."""

    def send(self, row: RowMapping, on_wire: Callable[[], None]) -> Outcome:
        """Send one delivery; call `on_wire` right before its first byte leaves.

        Raises:
            PeerAwayError: nothing was sent, and nothing else could be now.
        """

    def close(self) -> None:
        """Hang up."""


def deliver_batch(
    runtime: Runtime, batch_id: int, open_sender: Callable[[Runtime, Lease], Sender]
) -> None:
    """Deliver a batch; leave it alone where it is done, not due, or somebody else's."""
    journals = runtime.settings.var_dir / "journal"
    with runtime.db.write() as session:
        lease = claim(session, batch_id, utcnow(), journals)
    if lease is None:
        return
    journal = Journal(journals, lease.token, batch_id)
    sender = open_sender(runtime, lease)
    try:
        _run(runtime, lease, journal, sender)
    except LeaseLost:
        log.warning("lease lost", batch_id=batch_id)
    except PeerAwayError as error:
        log.warning(
            "peer away",
            batch_id=batch_id,
            lane=str(lease.kind),
            detail=str(error),
            next_attempt_s=error.retry_after_s,
        )
        with runtime.db.write() as session:
            wait = timedelta(seconds=error.retry_after_s)
            postpone(session, lease, utcnow() + wait)
        journal.close()
    else:
        journal.close()
    finally:
        sender.close()


def _run(runtime: Runtime, lease: Lease, journal: Journal, sender: Sender) -> None:
    after, sent = 0, 0
    while True:
        with runtime.db.read() as session:
            slice_ = pending(session, lease, after, SLICE)
            revision_id = sender.prepare(session) if slice_ else None
        if not slice_:
            break
        outcomes: dict[int, Outcome] = {}
        away: PeerAwayError | None = None
        try:
            _send_slice(lease, journal, sender, slice_, outcomes)
        except PeerAwayError as error:
            away = error
        with runtime.db.write() as session:
            settle(session, lease, outcomes, utcnow(), revision_id)
        journal.settled()
        if away is not None:
            raise away
        after = max(outcomes, default=after)
        sent += len(outcomes)
    with runtime.db.write() as session:
        finish(session, lease, utcnow())
    log.info(
        "batch done",
        batch_id=lease.batch_id,
        notification_id=lease.notification_id,
        request_id=lease.request_id,
        deliveries=sent,
    )


def _send_slice(
    lease: Lease,
    journal: Journal,
    sender: Sender,
    slice_: Sequence[RowMapping],
    outcomes: dict[int, Outcome],
) -> None:
    """Send until the slice ends or its eligibility is too old; fills `outcomes` as it goes."""
    read_at = time.monotonic()
    for row in slice_:
        if time.monotonic() - read_at > FRESH_S:
            return
        if not lease.is_safe:
            raise LeaseLost(lease.batch_id)
        destination_id = row["destination_id"]
        if row["is_cancelled"]:
            outcomes[destination_id] = CANCELLED
        elif not row["is_eligible"]:
            outcomes[destination_id] = SUPPRESSED
        else:
            outcome = sender.send(row, partial(journal.wire, destination_id))
            journal.answer(destination_id, outcome)
            outcomes[destination_id] = outcome
