"""Delivering a batch: claim it, send what is in it, settle beside, and end it or hand it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from service.db import utcnow
from service.ledger.attempts import forgive_claim
from service.ledger.claim import claim
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import Lease, LeaseLost, finish, postpone
from service.ledger.policy import Policy
from service.logs import bind, get_logger
from service.runtime import Runtime
from workers.courier import Courier, HandedBackError, PeerAwayError, Sender
from workers.settling import Settler

log = get_logger(__name__)


def deliver_batch(
    runtime: Runtime, batch_id: int, open_sender: Callable[[Runtime, Lease], Sender]
) -> None:
    """Deliver a batch; leave it alone where it is done, not due, or somebody else's."""
    journals, policy = runtime.settings.var_dir / "journal", Policy.of(runtime.settings)
    began = time.monotonic()
    with runtime.db.write() as session:
        lease = claim(session, batch_id, utcnow(), journals, policy)
    if lease is None:
        return
    bind(batch_id=batch_id, notification_id=lease.notification_id, request_id=lease.request_id)
    sender = open_sender(runtime, lease)
    try:
        try:
            journal = Journal(journals, lease.token, batch_id)
        except JournalError as error:
            # The disk is full before anything was sent: no delivery is touched.
            _hand_back(runtime, lease, _unwritable(lease, error))
            return
        try:
            _deliver(runtime, lease, journal, sender, began)
        finally:
            journal.abandon()  # unless it was closed: then there is nothing left to abandon
    finally:
        sender.close()


def _deliver(
    runtime: Runtime, lease: Lease, journal: Journal, sender: Sender, began: float
) -> None:
    settler = Settler(runtime.db, lease)
    courier = Courier(runtime.db, lease, journal, settler, sender)
    try:
        with settler.beating():
            wait_s = _send_all(courier, lease)
            settler.drain()
    except LeaseLost:
        log.warning("lease lost", batch_id=lease.batch_id)
        return
    except HandedBackError:
        log.info("held", batch_id=lease.batch_id)
        journal.close()
        return
    except (OperationalError, InterfaceError):
        with suppress(SQLAlchemyError), runtime.db.write() as session:
            forgive_claim(session, lease)  # if the database is back already
        raise
    if wait_s is None:
        _finish(runtime, lease, courier.count, time.monotonic() - began)
    else:
        _hand_back(runtime, lease, wait_s)
    journal.close()


def _send_all(courier: Courier, lease: Lease) -> float | None:
    """Send until nothing is left (null), or until nothing can be sent: for so many seconds."""
    try:
        while courier.step():
            pass
    except PeerAwayError as error:
        asked_s = error.retry_after_s
        wait_s = lease.policy.peer_wait_s if asked_s is None else asked_s
        log.warning(
            "peer away",
            batch_id=lease.batch_id,
            lane=str(lease.kind),
            detail=str(error),
            next_attempt_s=wait_s,
        )
        return wait_s
    except JournalError as error:
        return _unwritable(lease, error)
    return None


def _unwritable(lease: Lease, error: JournalError) -> float:
    wait_s = lease.policy.peer_wait_s
    log.error(
        "journal cannot be written",
        batch_id=lease.batch_id,
        detail=str(error),
        next_attempt_s=wait_s,
    )
    return wait_s


def _finish(runtime: Runtime, lease: Lease, count: int, took_s: float) -> None:
    with runtime.db.write() as session:
        finish(session, lease, utcnow())
    log.info(
        "batch done",
        batch_id=lease.batch_id,
        notification_id=lease.notification_id,
        request_id=lease.request_id,
        deliveries=count,
        took_s=round(took_s, 3),
    )


def _hand_back(runtime: Runtime, lease: Lease, wait_s: float) -> None:
    with runtime.db.write() as session:
        postpone(session, lease, utcnow() + timedelta(seconds=wait_s))
