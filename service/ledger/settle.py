"""Settling: outcomes become rows, in bulk, and only where nobody else has settled before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from service.bounces import strip_addresses
from service.db import BigId, Moment
from service.ledger.bounces import record_refusals
from service.ledger.lease import Lease, extend, of_batch
from service.ledger.outcome import DOUBT, QUIET, SENT, Answer, Outcome, after_policy, backoff
from service.models import Delivery, DeliveryAnswer, DeliveryState, DestinationKind

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


# Most letters are simply taken, and need no look at what was before: one statement for all.
SETTLE_SENT = (
    update(Delivery)
    .where(Delivery.notification_id == bindparam("notification"))
    .where(Delivery.destination_id.in_(bindparam("destinations", expanding=True)))
    .where(Delivery.batch_id == bindparam("batch"), Delivery.state == DeliveryState.QUEUED)
    .values(
        state=DeliveryState.SENT,
        attempts=Delivery.attempts + 1,
        revision_id=bindparam("revision", type_=BigId),
        settled_at=bindparam("now", type_=Moment()),
        due_at=None,
    )
    .execution_options(synchronize_session=False)
)


def settle(
    session: Session, lease: Lease, answers: Mapping[int, Answer], now: datetime
) -> list[Outcome]:
    """Write answers in bulk and extend the lease in the database, in the caller's transaction;
    returns those that were written.

    A second time it changes nothing. The caller moves `lease.ends` once that has committed.

    Raises:
        LeaseLost: the batch is somebody else's; nothing was written.
    """
    extend(session, lease, now, **(PROGRESS if answers else {}))
    return write_outcomes(session, lease, answers, now)


def write_outcomes(
    session: Session, lease: Lease, answers: Mapping[int, Answer], now: datetime
) -> list[Outcome]:
    """Settle deliveries that are still queued in the lease's batch; returns the outcomes of those.

    Those settled before stay as they are, and so do those that wait in a batch of a later try: an
    answer to the try before is none to theirs.
    """
    sent: defaultdict[int | None, list[int]] = defaultdict(list)
    others: dict[int, Answer] = {}
    for destination_id, answer in answers.items():
        if answer.outcome.is_worth_keeping:
            others[destination_id] = answer
        else:
            sent[answer.revision_id].append(destination_id)
    written = []
    for revision_id, destination_ids in sent.items():
        written += [SENT] * _settle_sent(session, lease, revision_id, destination_ids, now)
    if others:
        written += _settle_each(session, lease, others, now)
    return written


def _settle_sent(
    session: Session, lease: Lease, revision_id: int | None, ids: list[int], now: datetime
) -> int:
    values = {
        "notification": lease.notification_id,
        "batch": lease.batch_id,
        "revision": revision_id,
        "now": now,
    }
    return session.connection().execute(SETTLE_SENT, {**values, "destinations": ids}).rowcount


def _settle_each(
    session: Session, lease: Lease, answers: Mapping[int, Answer], now: datetime
) -> list[Outcome]:
    """As each one's outcome, and what was before, demand it."""
    open_ = session.execute(
        select(Delivery.destination_id, Delivery.attempts, Delivery.maybe_revision_id)
        .where(Delivery.notification_id == lease.notification_id)
        .where(Delivery.destination_id.in_(list(answers)))
        .where(Delivery.state == DeliveryState.QUEUED, of_batch(lease.batch_id))
    ).all()
    in_doubt = [row.destination_id for row in open_ if row.maybe_revision_id is not None]
    doubts = _doubts(session, lease, in_doubt)
    settled, kept = [], []
    refused: dict[int, Outcome] = {}
    for destination_id, before, maybe in open_:
        given, revision_id = answers[destination_id].outcome, answers[destination_id].revision_id
        attempt = before + given.is_try
        outcome = after_policy(
            lease.policy,
            lease.kind,
            given,
            attempt,
            doubts=doubts.get(destination_id, 0),
            is_in_doubt=maybe is not None,
            lane=lease.lane,
        )
        is_deferred = outcome.state == DeliveryState.DEFERRED
        is_doubt = is_deferred and given.state == DeliveryState.UNKNOWN
        tried = attempt if given.is_try else 0
        wait = backoff(lease.policy, tried, outcome.retry_after_s) if is_deferred else None
        settled.append(
            {
                "notification": lease.notification_id,
                "destination": destination_id,
                "outcome": outcome.state,
                "attempt": attempt,
                "revision": revision_id if given.is_try else maybe or None,
                "maybe": (revision_id or 0) if is_doubt else None,
                "now": now,
                "due": _due(now, wait, outcome) if wait is not None else None,
            }
        )
        if outcome.state == DeliveryState.REJECTED and lease.kind == DestinationKind.EMAIL:
            refused[destination_id] = outcome
        if outcome.is_worth_keeping and given.is_try:
            kept.append(
                {
                    "notification_id": lease.notification_id,
                    "destination_id": destination_id,
                    "state": outcome.state,
                    "code": outcome.code.replace("\0", "")[:16],
                    "detail": _kept(lease.kind, outcome.detail),
                    "at": now,
                    "took_ms": None if given.took_s is None else round(given.took_s * 1000),
                }
            )
    if settled:
        session.connection().execute(SETTLE, settled)
    if kept:
        session.execute(insert(DeliveryAnswer), kept)
    if refused:
        record_refusals(session, lease.notification_id, refused, now)
    return [answers[row.destination_id].outcome for row in open_]


def _kept(kind: DestinationKind, detail: str) -> str:
    """Mail servers repeat the reader's address, which stands in one place alone: whoever erases it
    there need not look for it here. PostgreSQL stores no null characters."""
    if kind == DestinationKind.EMAIL:
        return strip_addresses(detail)
    return detail.replace("\0", "")[:500]


def _due(now: datetime, wait: timedelta, outcome: Outcome) -> datetime:
    """When it is tried again. Quiet hours end with a minute: all that a reader waits for is due at
    the same moment, however long each answer took to get here."""
    due = now + wait
    return due.replace(second=0, microsecond=0) if outcome.code == QUIET else due


def _doubts(session: Session, lease: Lease, in_doubt: list[int]) -> dict[int, int]:
    """How often each of these was in doubt before; few ever are."""
    if not in_doubt:
        return {}
    found = session.execute(
        select(DeliveryAnswer.destination_id, func.count())
        .where(DeliveryAnswer.notification_id == lease.notification_id)
        .where(DeliveryAnswer.destination_id.in_(in_doubt), DeliveryAnswer.code == DOUBT)
        .group_by(DeliveryAnswer.destination_id)
    )
    return dict(found.all())
