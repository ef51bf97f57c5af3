"""What each task does: the one table that the Celery application and the sweeper share."""

from __future__ import annotations

from collections.abc import Callable

from service.ledger.audit import audit
from service.logs import get_logger
from service.runtime import Runtime
from service.tasks import Task
from workers.chat import send_chat_batch
from workers.classify import classify_revision
from workers.email import send_email_batch
from workers.enrich import enrich_event
from workers.learn import refit_if_due
from workers.plan import plan_notification
from workers.pull import poll_source
from workers.retain import forget_expired

log = get_logger(__name__)


def audit_ledger(runtime: Runtime) -> None:
    """Check invariant 7 on schedule; each finding is an error in the log."""
    with runtime.db.read() as session:
        findings = audit(session)
    for finding in findings:
        log.error("ledger does not add up", finding=str(finding))


STAGES: dict[Task, Callable[[Runtime, int], None]] = {
    Task.CLASSIFY_REVISION: classify_revision,
    Task.ENRICH_EVENT: enrich_event,
    Task.PLAN_NOTIFICATION: plan_notification,
    Task.EMAIL_BATCH: send_email_batch,
    Task.CHAT_BATCH: send_chat_batch,
    Task.PULL_SOURCE: poll_source,
}

CHORES: dict[Task, Callable[[Runtime], None]] = {
    Task.REFIT_MODEL: refit_if_due,
    Task.RETAIN: forget_expired,
    Task.AUDIT_LEDGER: audit_ledger,
}
