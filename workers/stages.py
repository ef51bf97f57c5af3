"""What each task does: the one table that the Celery application and the sweeper share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from service.db import utcnow
from service.ledger.alarms import clear_others, raise_alarm
from service.ledger.audit import audit
from service.logs import get_logger, lines_of
from service.models import AlarmKind
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
Result = TypeVar("Result")


def audit_ledger(runtime: Runtime) -> None:
    """Check invariant 7 on schedule; a finding is an alarm until an audit does not find it."""
    with runtime.db.read() as session:
        findings = audit(session)
    said: defaultdict[int, list[str]] = defaultdict(list)
    for finding in findings:
        log.error("ledger does not add up", finding=str(finding))
        said[finding.object_id].append(str(finding))
    now = utcnow()
    with runtime.db.write() as session:
        clear_others(session, AlarmKind.LEDGER_WRONG, said.keys(), now)
        for object_id, sentences in said.items():
            text = "the ledger does not add up: " + "; ".join(sentences)
            raise_alarm(session, AlarmKind.LEDGER_WRONG, object_id, text, now)


def at_the_border(
    name: str, work: Callable[[Runtime, int], Result]
) -> Callable[[Runtime, int], Result]:
    """Log what goes wrong while the ids that the work has bound are still known; raise it on."""

    @wraps(work)
    def run(runtime: Runtime, row_id: int) -> Result:
        with lines_of(task=name, row_id=row_id):
            try:
                return work(runtime, row_id)
            except (OperationalError, InterfaceError) as error:
                log.error("database away", error=type(error).__name__)
                raise
            except Exception:
                log.exception("stage failed")
                raise

    return run


STAGES: dict[Task, Callable[[Runtime, int], None]] = {
    task: at_the_border(task.value, stage)
    for task, stage in {
        Task.CLASSIFY_REVISION: classify_revision,
        Task.ENRICH_EVENT: enrich_event,
        Task.PLAN_NOTIFICATION: plan_notification,
        Task.EMAIL_BATCH: send_email_batch,
        Task.CHAT_BATCH: send_chat_batch,
        Task.PULL_SOURCE: poll_source,
    }.items()
}

CHORES: dict[Task, Callable[[Runtime], None]] = {
    Task.REFIT_MODEL: refit_if_due,
    Task.RETAIN: forget_expired,
    Task.AUDIT_LEDGER: audit_ledger,
}
