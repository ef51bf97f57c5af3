"""Delivering a batch: claim it, send what is in it, settle beside, and end it or hand it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.attempts import forgive_claim, rest
from service.ledger.claim import claim
from service.ledger.digest_look import Look
from service.ledger.journal import Journal, JournalError
from service.ledger.lease import Lease, LeaseLost, finish, postpone
from service.ledger.policy import Policy
from service.logs import bind, get_logger
from service.runtime import Runtime
from service.telemetry import tracing
from workers.courier import (
    Courier,
    FullError,
    HandedBackError,
    NotPreparedError,
    PeerAwayError,
    Sender,
)
from workers.measuring import Measure
from workers.settling import Settler

log = get_logger(__name__)

End = Callable[[Session, Lease, datetime], None]  # how a batch leaves its worker's hands


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
    try:
        sender = open_sender(runtime, lease)
    except Exception:
        log.exception("sender cannot be opened")
        with runtime.db.write() as session:
            rest(session, lease, utcnow())
        return
    try:
        try:
            journal = Journal(journals, lease.token, batch_id)
        except JournalError as error:
            # The disk is full before anything was sent: no delivery is touched.
            end = _after(_unwritable(lease, error))
            with runtime.db.write() as session:
                end(session, lease, utcnow())
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
    with runtime.db.read() as session:
        look = Look.of(session, lease.notification_id)
        settler.count = Measure.of(session, runtime.meters, lease).count
    settler.count(lease.inherited, utcnow())
    courier = Courier(runtime.db, lease, journal, settler, sender, look)
    try:
        with settler.beating(), tracing.span(runtime.settings, "send") as span:
            span.request_id = lease.request_id
            end = _send_all(courier, sender, lease)
            settler.drain()
            span.attributes |= {"tellal.channel": lease.kind.value, "tellal.lane": lease.lane}
            span.attributes["tellal.deliveries"] = courier.count
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
    with runtime.db.write() as session:
        end(session, lease, utcnow())
    journal.close()
    if end is finish:
        log.info(
            "batch done",
            batch_id=lease.batch_id,
            channel=lease.kind.value,
            notification_id=lease.notification_id,
            request_id=lease.request_id,
            deliveries=courier.count,
            took_s=round(time.monotonic() - began, 3),
        )


def _send_all(courier: Courier, sender: Sender, lease: Lease) -> End:
    """Send until nothing is left, or until nothing can be sent; returns how the batch ends then."""
    try:
        sender.send_all(courier)
    except FullError as error:
        log.debug("rate reached", batch_id=lease.batch_id, next_attempt_s=error.retry_after_s)
        return _after(error.retry_after_s or 0.0)
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
        return _after(wait_s)
    except JournalError as error:
        return _after(_unwritable(lease, error))
    except NotPreparedError:
        log.exception("batch cannot be prepared", batch_id=lease.batch_id)
        return rest
    return finish


def _after(wait_s: float) -> End:
    """Hand the batch back for so many seconds; no attempt is counted."""
    return lambda session, lease, now: postpone(session, lease, now + timedelta(seconds=wait_s))


def _unwritable(lease: Lease, error: JournalError) -> float:
    wait_s = lease.policy.peer_wait_s
    log.error(
        "journal cannot be written",
        batch_id=lease.batch_id,
        detail=str(error),
        next_attempt_s=wait_s,
    )
    return wait_s
