"""Mail that comes back: one message in, one committed consequence, whichever way it came.

`workers.email.lmtp` is handed it by a mail server, `workers.email.imap` fetches it from a mailbox.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.bounces import Arrived, Leaving, read_report
from service.db import utcnow
from service.ledger.bounces import record_report
from service.ledger.canary import prove_arrival
from service.logs import get_logger
from service.runtime import Runtime
from service.subscriptions.unsubscribe import end_by_token

log = get_logger(__name__)


def take(runtime: Runtime, raw: bytes, recipients: Sequence[str] = ()) -> bool:
    """Do what a message asks for; False where it is not about a letter of ours.

    Owns its transaction, which has committed when this returns; a second time changes nothing.
    `recipients` are those of the envelope, where there is one.

    Raises:
        SQLAlchemyError: the database is away; nothing was done.
    """
    report = read_report(raw, runtime.vault, recipients)
    if report is None:
        log.info("mail dropped: no report about a letter of ours", size_bytes=len(raw))
        return False
    if isinstance(report, Leaving):
        with runtime.db.write() as session:
            end_by_token(session, runtime.vault, report.token)
        log.info("left by mail")
        return True
    if isinstance(report, Arrived):
        return _arrived(runtime, report)
    with runtime.db.write() as session:
        is_new = record_report(session, report, utcnow())
    log.info(
        "mail came back",
        report=type(report).__name__.lower(),
        notification_id=report.notification_id,
        destination_id=report.destination_id,
        status=getattr(report, "status", ""),
        is_new=is_new,
    )
    return True


def _arrived(runtime: Runtime, report: Arrived) -> bool:
    """A letter to the canary proves itself; one to somebody else, which was forwarded here, is not
    for us."""
    with runtime.db.write() as session:
        is_ours = prove_arrival(session, report.notification_id, report.destination_id, utcnow())
    log.info("letter came", notification_id=report.notification_id, is_canary=is_ours)
    return is_ours
