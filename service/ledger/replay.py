"""Replay: what a journal tells of an owner that died, or lost its lease, becomes outcomes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from service.db import Database, rows
from service.ledger.alarms import raise_alarm
from service.ledger.bounces import record_refusals
from service.ledger.lease import Lease, give_back, of_batch, pending
from service.ledger.outcome import ON_THE_WIRE, Answer, Outcome
from service.ledger.policy import STANDARD, Policy
from service.ledger.remains import Remains, dead_owners, read_beside
from service.ledger.settle import write_outcomes
from service.models import AlarmKind, Batch, Delivery, DeliveryState, DestinationKind

FINAL = (DeliveryState.SENT, DeliveryState.REJECTED)
ASSUMED = (DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
FREE_DEATHS = 2  # owners that die in a row before their batch rests at all
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(seconds=30)


def take_over(
    session: Session, lease: Lease, previous: str, journals: Path, now: datetime
) -> list[Outcome]:
    """Settle what the last owner of a batch may have sent and not settled: at most the window.
    Returns what was settled.

    A stopped owner's journal is read. Without one (another host) the first queued deliveries are
    unknown: they are sent in order, so what has left without being settled is among those.
    """
    answers: Mapping[int, Answer] = {}
    if remains := read_beside(journals, previous):
        answers = remains.outcomes
    elif previous.rpartition("-")[0] != socket.gethostname():
        first = pending(session, lease, after=0, size=lease.window)
        answers = {row["destination_id"]: Answer(ON_THE_WIRE, None) for row in first}
    written = write_outcomes(session, lease, answers, now)
    if answers:  # the last owner got somewhere: only this claim counts
        session.execute(update(Batch).where(Batch.id == lease.batch_id).values(attempts=1))
    return written


Told = Callable[[Batch, Sequence[Outcome]], None]


def nobody_asks(_batch: Batch, _outcomes: Sequence[Outcome]) -> None:
    """As it is where nobody counts."""


def replay_dead(
    db: Database,
    folder: Path,
    now: datetime,
    policy: Policy = STANDARD,
    tell: Told = nobody_asks,
) -> list[Batch]:
    """Settle what dead owners of this host left and free their batches at once.

    Owns its transactions, one for each journal; a file goes only after its commit. `tell` hears
    then what was settled.
    """
    freed = []
    for remains in dead_owners(folder):
        try:
            with db.write() as session:
                batch = session.get(Batch, remains.batch_id, with_for_update=True)
                if batch is not None:
                    written = _settle_remains(session, batch, remains, now, policy)
                    give_back(session, remains.lease, batch.id, now + _rest(batch, remains))
        except (OperationalError, InterfaceError):
            raise  # the database is away: so it is for all of them
        except Exception as error:  # one that cannot be settled must not hold up the others
            _alarm(db, remains, error, now)
            continue
        remains.path.unlink(missing_ok=True)
        if batch is not None:
            freed.append(batch)
            tell(batch, written)
    return freed


def _alarm(db: Database, remains: Remains, error: Exception, now: datetime) -> None:
    """Its batch stays leased: without the journal, what was sent would be sent again."""
    sentence = (
        f"the journal {remains.path.name} of batch {remains.batch_id} cannot be settled: "
        f"{type(error).__name__}"
    )
    with db.write() as session:
        raise_alarm(session, AlarmKind.JOURNAL_STUCK, remains.batch_id, sentence, now)


def _rest(batch: Batch, remains: Remains) -> timedelta:
    """A batch that kills one owner after the other rests between them, so that a machine in
    trouble does not use up the attempts of all its batches in seconds."""
    if remains.outcomes or batch.attempts <= FREE_DEATHS:
        return timedelta(0)
    doublings: int = batch.attempts - FREE_DEATHS - 1
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)


def _settle_remains(
    session: Session, batch: Batch, remains: Remains, now: datetime, policy: Policy
) -> list[Outcome]:
    """Only rows that are still this batch's: others have been handed on meanwhile.

    Who took the batch over has judged what was on the wire then, and may have it on the wire
    itself; but an answer that came after that is a fact.
    """
    is_taken_over = batch.lease != remains.lease
    lease = Lease.of(batch, remains.lease, ends=0.0, request_id="", policy=policy)
    told = remains.answers if is_taken_over else remains.outcomes
    written = write_outcomes(session, lease, told, now)
    if remains.outcomes:
        session.execute(update(Batch).where(Batch.id == batch.id).values(attempts=0))
    for destination_id, answer in remains.answers.items():
        if answer.outcome.state in FINAL:
            _correct(session, lease, destination_id, answer, now)
    return written


def _correct(
    session: Session, lease: Lease, destination_id: int, answer: Answer, now: datetime
) -> None:
    """An answer that came after a successor had assumed the worst wins over the assumption."""
    is_corrected = rows(
        session,
        update(Delivery)
        .where(Delivery.notification_id == lease.notification_id)
        .where(Delivery.destination_id == destination_id)
        .where(of_batch(lease.batch_id), Delivery.state.in_(ASSUMED))
        .values(
            state=answer.outcome.state,
            revision_id=answer.revision_id,
            maybe_revision_id=None,
            settled_at=now,
            due_at=None,
        )
        .execution_options(synchronize_session=False),
    )
    is_refused = answer.outcome.state == DeliveryState.REJECTED
    if is_corrected and is_refused and lease.kind == DestinationKind.EMAIL:
        record_refusals(session, lease.notification_id, {destination_id: answer.outcome}, now)
