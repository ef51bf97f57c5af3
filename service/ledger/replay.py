"""Replay: what a journal tells of an owner that died, or lost its lease, becomes outcomes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import Database
from service.ledger.journal import Remains, dead_owners, read_beside
from service.ledger.lease import SLICE, Lease, give_back, pending
from service.ledger.outcome import ON_THE_WIRE, Outcome
from service.ledger.settle import write_outcomes
from service.models import Batch, Delivery, DeliveryState, DestinationKind

FINAL = (DeliveryState.SENT, DeliveryState.REJECTED)
ASSUMED = (DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
FREE_DEATHS = 2  # owners that die in a row before their batch rests at all
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(seconds=30)


def take_over(session: Session, lease: Lease, previous: str, journals: Path, now: datetime) -> None:
    """Settle what the last owner of a batch may have sent after its last settle: at most a slice.

    A stopped owner's journal is read; without one (another host) all of the slice is unknown.
    """
    revision_id = None
    outcomes: Mapping[int, Outcome] = {}
    if remains := read_beside(journals, previous):
        outcomes, revision_id = remains.outcomes, remains.revision_id
    elif previous.rpartition("-")[0] != socket.gethostname():
        slice_ = pending(session, lease, after=0, size=SLICE)
        outcomes = {row["destination_id"]: ON_THE_WIRE for row in slice_}
    write_outcomes(session, lease.notification_id, lease.kind, outcomes, now, revision_id)
    if outcomes:  # the last owner got somewhere: only this claim counts
        session.execute(update(Batch).where(Batch.id == lease.batch_id).values(attempts=1))


def replay_dead(db: Database, folder: Path, now: datetime) -> list[Batch]:
    """Settle what dead owners of this host left and free their batches at once.

    Owns its transactions, one for each journal; a file goes only after its commit.
    """
    freed = []
    for remains in dead_owners(folder):
        with db.write() as session:
            batch = session.get(Batch, remains.batch_id)
            if batch is not None:
                _settle_remains(session, batch, remains, now)
                give_back(session, remains.lease, batch.id, now + _rest(batch, remains))
                freed.append(batch)
        remains.path.unlink(missing_ok=True)
    return freed


def _rest(batch: Batch, remains: Remains) -> timedelta:
    """A batch that kills one owner after the other rests between them, so that a machine in
    trouble does not use up the attempts of all its batches in seconds."""
    if remains.outcomes or batch.attempts <= FREE_DEATHS:
        return timedelta(0)
    doublings: int = batch.attempts - FREE_DEATHS - 1
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)


def _settle_remains(session: Session, batch: Batch, remains: Remains, now: datetime) -> None:
    """Only rows that are still this batch's: others have been handed on meanwhile."""
    own = set(
        session.scalars(
            select(Delivery.destination_id)
            .where(Delivery.notification_id == batch.notification_id)
            .where(Delivery.batch_id == batch.id)
            .where(Delivery.destination_id.in_(list(remains.outcomes)))
        )
    )
    outcomes = {key: outcome for key, outcome in remains.outcomes.items() if key in own}
    write_outcomes(
        session,
        batch.notification_id,
        DestinationKind(batch.kind),
        outcomes,
        now,
        remains.revision_id,
    )
    if remains.outcomes:
        session.execute(update(Batch).where(Batch.id == batch.id).values(attempts=0))
    for destination_id in own & remains.answers.keys():
        _correct(session, batch, destination_id, remains, now)


def _correct(
    session: Session, batch: Batch, destination_id: int, remains: Remains, now: datetime
) -> None:
    """An answer that came after a successor had assumed the worst wins over the assumption."""
    outcome = remains.answers[destination_id]
    if outcome.state in FINAL:
        session.execute(
            update(Delivery)
            .where(Delivery.notification_id == batch.notification_id)
            .where(Delivery.destination_id == destination_id)
            .where(Delivery.batch_id == batch.id, Delivery.state.in_(ASSUMED))
            .values(
                state=outcome.state,
                revision_id=remains.revision_id,
                maybe_revision_id=None,
                settled_at=now,
                due_at=None,
            )
            .execution_options(synchronize_session=False)
        )
