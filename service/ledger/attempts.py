"""Attempts: how often a row's work was begun in vain, and when that is enough.

One table for all stages (docs/adr/0010-what-is-given-up.md). An attempt counts if it ended neither
in an outcome nor in order, as one does that kills its worker. What comes from outside never counts:
a relay, a chat service or a database that is away may be away for days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import Database, rows
from service.ledger.alarms import clear_alarm, raise_alarm
from service.ledger.claim import claim
from service.ledger.lease import Lease, finish, give_back
from service.ledger.outcome import Answer, Outcome
from service.ledger.policy import STANDARD, Policy
from service.ledger.settle import write_outcomes
from service.models import (
    AlarmKind,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
)

# stage      | counted                       | after so many          | then
# batch      | claims without any outcome    | MAX_BATCH_ATTEMPTS     | rejected, alarm
# revision   | beginnings after the first    | MAX_CLASSIFY_ATTEMPTS  | quarantined, alarm
# plan       | errors in a row               | ALARM_AFTER_PLANS      | alarm; hourly from then on
# enrichment | see workers.enrich            | a day                  | failed, as a preset misfits
MAX_BATCH_ATTEMPTS = 8
MAX_CLASSIFY_ATTEMPTS = 8
ALARM_AFTER_PLANS = 8

TO_PLAN = (NotificationState.RELEASED, NotificationState.PLANNING)
LIMIT = 50  # of what is given up in one sweep
FIRST_TRY = timedelta(seconds=1)  # who was rung for within this after coming in has had one ring
LONGEST_REST = timedelta(minutes=1)  # of a text: eight attempts take some four minutes
LONGEST_PLAN_REST = timedelta(hours=1)
FIRST_BATCH_REST = timedelta(seconds=30)
LONGEST_BATCH_REST = timedelta(minutes=30)  # eight attempts take about an hour and a half
NOT_SENT = Outcome(
    DeliveryState.REJECTED, "gave up", "its batch could not be sent, whoever took it"
)
# May have arrived at an earlier try; not sent again, it stays unknown (see `after_policy`).
IN_DOUBT = Outcome(DeliveryState.CANCELLED)


def is_first_try(revision: Revision) -> bool:
    """True where nobody has had to ring again: the ordinary attempt, which is not counted."""
    return revision.attempts == 0 and revision.rung_at - revision.created_at < FIRST_TRY


def begin_again(session: Session, revision: Revision, now: datetime) -> bool:
    """Count an attempt; the caller commits before the work begins, so that a death in it has been
    counted. Nobody rings for the text while it may be at work.

    False: it has had its last attempt, or somebody else begins one right now.
    """
    if revision.attempts >= MAX_CLASSIFY_ATTEMPTS:
        return False
    rest = min(timedelta(seconds=2) * 2**revision.attempts, LONGEST_REST)
    begun = rows(
        session,
        update(Revision)
        .where(Revision.id == revision.id, Revision.state == RevisionState.RECEIVED)
        .where(Revision.attempts == revision.attempts)
        .values(attempts=Revision.attempts + 1, rung_at=now + rest)
        .execution_options(synchronize_session=False),
    )
    return bool(begun)


def note_failure(session: Session, revision_id: int, error: Exception) -> None:
    """Keep what ended an attempt, for the alarm."""
    session.execute(
        update(Revision)
        .where(Revision.id == revision_id, Revision.state == RevisionState.RECEIVED)
        .values(failure=type(error).__name__[:64])
    )


def forgive_attempt(session: Session, revision: Revision) -> None:
    """Do not count an attempt that ended because the database was away."""
    session.execute(
        update(Revision)
        .where(Revision.id == revision.id, Revision.attempts == revision.attempts + 1)
        .values(attempts=Revision.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def give_up_revisions(session: Session, now: datetime) -> int:
    """Put into quarantine what could not be classified, for the staff; returns how many."""
    tired = session.execute(
        select(Revision.id, Revision.failure)
        .where(Revision.state == RevisionState.RECEIVED)
        .where(Revision.attempts >= MAX_CLASSIFY_ATTEMPTS, Revision.rung_at < now)
        .limit(LIMIT)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    count = 0
    for revision_id, failure in tired:
        given_up = rows(
            session,
            update(Revision)
            .where(Revision.id == revision_id, Revision.state == RevisionState.RECEIVED)
            .where(Revision.attempts >= MAX_CLASSIFY_ATTEMPTS)
            .values(state=RevisionState.QUARANTINED, classified_at=now)
            .execution_options(synchronize_session=False),
        )
        count += given_up
        if given_up:
            reason = failure or "it killed its worker"
            raise_alarm(
                session,
                AlarmKind.REVISION_GIVEN_UP,
                revision_id,
                f"text {revision_id} could not be classified, tried {MAX_CLASSIFY_ATTEMPTS} times: "
                f"{reason}",
                now,
            )
    return count


def ask_again(session: Session, revision_id: int, now: datetime) -> bool:
    """Have a text classified that waits, or was given up after too many attempts; False for one
    that is classified or arrived damaged."""
    waits = Revision.state == RevisionState.RECEIVED
    was_given_up = (Revision.state == RevisionState.QUARANTINED) & (
        Revision.attempts >= MAX_CLASSIFY_ATTEMPTS
    )
    values = {"state": RevisionState.RECEIVED, "attempts": 0, "failure": None, "rung_at": now}
    asked = rows(
        session,
        update(Revision)
        .where(Revision.id == revision_id, waits | was_given_up)
        .values(**values, classified_at=None)
        .execution_options(synchronize_session=False),
    )
    if asked:
        clear_alarm(session, AlarmKind.REVISION_GIVEN_UP, revision_id, now)
    return bool(asked)


def note_failed_plan(
    session: Session, notification_id: int, error: Exception, now: datetime
) -> None:
    """Let a plan that failed rest, longer each time, to an hour; the eighth in a row is alarming.

    It is never given up: whoever asked for the news has not been told.
    """
    before = session.scalar(select(Notification.attempts).where(Notification.id == notification_id))
    rest = min(timedelta(seconds=5) * 2 ** min(before or 0, 16), LONGEST_PLAN_REST)
    session.execute(
        update(Notification)
        .where(Notification.id == notification_id, Notification.state.in_(TO_PLAN))
        .values(attempts=Notification.attempts + 1, rung_at=now + rest)
        .execution_options(synchronize_session=False)
    )
    if (before or 0) + 1 >= ALARM_AFTER_PLANS:
        raise_alarm(
            session,
            AlarmKind.PLAN_FAILS,
            notification_id,
            f"notification {notification_id} cannot be planned, so nobody is told: "
            f"{type(error).__name__}",
            now,
        )


def note_planned(session: Session, notification: Notification, now: datetime) -> None:
    """A range was planned after all: forget the failures."""
    if notification.attempts:
        notification.attempts = 0
        clear_alarm(session, AlarmKind.PLAN_FAILS, notification.id, now)


def forgive_claim(session: Session, lease: Lease) -> None:
    """Do not count a claim that ended because the database was away."""
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token, Batch.attempts > 0)
        .values(attempts=Batch.attempts - 1)
    )


def rest(session: Session, lease: Lease, now: datetime) -> None:
    """Hand back a batch that could not even be begun, by an error of our own; the attempt counts.

    It rests longer each time, so that a setting can be mended before anything is given up.
    """
    batch = session.get_one(Batch, lease.batch_id, with_for_update=True)
    wait = min(FIRST_BATCH_REST * 2 ** max(batch.attempts - 1, 0), LONGEST_BATCH_REST)
    give_back(session, lease.token, lease.batch_id, now + wait)


def give_up_batches(db: Database, journals: Path, now: datetime, policy: Policy = STANDARD) -> int:
    """Reject what is queued in batches that have killed too many workers; returns how many.

    Owns its transactions, one for each batch. It claims the batch as a worker does, so that nobody
    else has it, and what a last owner may have sent is settled first.
    """
    with db.read() as session:
        tired = session.scalars(
            select(Batch.id)
            .where(Batch.state < BatchState.DONE, Batch.due_at <= now)
            .where(Batch.attempts >= MAX_BATCH_ATTEMPTS)
            .order_by(Batch.due_at)  # a walk along `ix_batch_open`, not through all there were
            .limit(LIMIT)
        ).all()
    count = 0
    for batch_id in tired:
        with db.write() as session:
            lease = claim(session, batch_id, now, journals, policy)
            if lease is not None:
                _give_up(session, lease, now)
        count += lease is not None
    return count


def _give_up(session: Session, lease: Lease, now: datetime) -> None:
    open_ = session.execute(
        select(Delivery.destination_id, Delivery.maybe_revision_id)
        .where(Delivery.batch_id == lease.batch_id, Delivery.state == DeliveryState.QUEUED)
        .order_by(Delivery.destination_id)
    ).all()
    answers = {
        destination_id: Answer(NOT_SENT if maybe is None else IN_DOUBT, None)
        for destination_id, maybe in open_
    }
    write_outcomes(session, lease, answers, now)
    finish(session, lease, now)
    raise_alarm(
        session,
        AlarmKind.BATCH_GIVEN_UP,
        lease.batch_id,
        f"batch {lease.batch_id} of notification {lease.notification_id} failed, or killed its "
        f"worker, {MAX_BATCH_ATTEMPTS} times; {len(answers)} of its readers were not told",
        now,
    )
