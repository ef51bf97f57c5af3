"""Holding: deliveries that meet a pause wait in a batch that is not due; resuming makes it due.

They stay queued and untouched. Those that may go do not wait for them: what is held is set aside in
a batch of its own, so that the queued rows of a leased batch are always the next to be sent, which
is what a successor on another host relies on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, select, text, update
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.ledger.batches import ring_batch
from service.ledger.halts import halts_of, lock_pauses
from service.ledger.layout import BATCH_SIZE
from service.ledger.lease import Lease, Row, extend, pending
from service.models import Batch, BatchState, DestinationKind, HaltScope, Notification
from service.tasks import Doorbell

# Resuming makes a held batch due. Should it die halfway, this is how long the rest still waits.
HOLD = timedelta(minutes=15)
STEP = 500  # batches that one transaction frees

SET_ASIDE = text("""
    UPDATE delivery SET batch_id = :aside
    WHERE notification_id = :notification AND batch_id = :batch AND state = 0
      AND destination_id IN :held
""").bindparams(bindparam("held", expanding=True))


def is_held(row: Row) -> bool:
    """True for a pending delivery that waits for a pause to end."""
    return bool(row["is_held"]) and not (row["is_cancelled"] or row["is_expired"])


def hold(session: Session, lease: Lease, now: datetime) -> bool:
    """Set aside what a pause holds of a leased batch; True where that is all of it, and the batch
    was handed back as if it had never been claimed.

    Raises:
        LeaseLost: the batch is somebody else's; nothing was written.
    """
    extend(session, lease, now)
    lock_pauses(session)
    if halts_of(session, lease.notification_id).is_paused:
        _hand_back(session, lease, now)
        return True
    waiting = pending(session, lease, 0, BATCH_SIZE)
    held = [row["destination_id"] for row in waiting if is_held(row)]
    if held and len(held) == len(waiting):
        _hand_back(session, lease, now)
        return True
    if held:
        _set_aside(session, lease, held, now)
    return False


def free_held(
    db: Database, doorbell: Doorbell, scope: HaltScope, object_id: int, before: datetime
) -> int:
    """Make due what a halt of this scope held, and ring for it; returns how many batches.

    Owns its transactions. What another pause still holds is handed back by its next worker, and
    those that were handed back after `before` are left alone.
    """
    freed = 0
    while True:
        with db.write() as session:
            batches = _free_some(session, scope, object_id, before)
        for batch in batches:
            ring_batch(doorbell, batch)
        freed += len(batches)
        if len(batches) < STEP:
            return freed


def _hand_back(session: Session, lease: Lease, now: datetime) -> None:
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(
            state=BatchState.READY,
            lease=None,
            due_at=now + HOLD,
            held_at=now,
            attempts=0,  # an end in order
        )
        .execution_options(synchronize_session=False)
    )


def _set_aside(session: Session, lease: Lease, held: list[int], now: datetime) -> None:
    own = session.get_one(Batch, lease.batch_id)
    aside = Batch(
        notification_id=own.notification_id,
        kind=own.kind,
        lane=own.lane,
        queue=own.queue,
        due_at=now + HOLD,
        held_at=now,
    )
    session.add(aside)
    session.flush()
    session.execute(
        SET_ASIDE,
        {
            "aside": aside.id,
            "notification": lease.notification_id,
            "batch": lease.batch_id,
            "held": held,
        },
    )


def _free_some(session: Session, scope: HaltScope, object_id: int, before: datetime) -> list[Batch]:
    """One step, on `ix_batch_held`: what is freed leaves that index."""
    now = utcnow()
    held: list[ColumnElement[bool]] = [
        Batch.held_at.is_not(None),
        Batch.held_at <= before,
        Batch.state == BatchState.READY,
    ]
    if scope == HaltScope.ARTICLE:
        own = select(Notification.id).where(Notification.article_id == object_id)
        held.append(Batch.notification_id.in_(own))
    elif scope == HaltScope.CHANNEL:
        held.append(Batch.kind == DestinationKind.CHAT)
    found = select(Batch).where(*held).order_by(Batch.id).limit(STEP)
    batches = list(session.scalars(found.with_for_update()))
    for batch in batches:
        batch.due_at, batch.rung_at, batch.held_at = now, now, None
    return batches
