"""What each task does: the one table that the Celery application and the sweeper share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from service.db import utcnow
from service.ledger import review_age
from service.ledger.alarms import clear_others, raise_alarm
from service.ledger.audit import audit
from service.logs import bound_ids, get_logger, lines_of
from service.models import AlarmKind
from service.runtime import Runtime
from service.tasks import Task
from service.telemetry import tracing

log = get_logger(__name__)
Result = TypeVar("Result")


def audit_ledger(runtime: Runtime) -> None:
    """Check invariant 7 on schedule, and how long the review waits; a finding is an alarm until an
    audit does not find it."""
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
        review_age.watch(session, runtime.settings.review_alarm_h, now)


def at_the_border(
    name: str, work: Callable[[Runtime, int], Result]
) -> Callable[[Runtime, int], Result]:
    """Log what goes wrong, and trace, while the ids that the work has bound are still known; raise
    the error on."""

    @wraps(work)
    def run(runtime: Runtime, row_id: int) -> Result:
        with lines_of(task=name, row_id=row_id), tracing.span(runtime.settings, name) as span:
            try:
                return work(runtime, row_id)
            except (OperationalError, InterfaceError) as error:
                log.error("database away", error=type(error).__name__)
                raise
            except Exception:
                log.exception("stage failed")
                raise
            finally:
                bound = bound_ids()
                span.request_id = str(bound.get("request_id") or "")
                span.attributes = tracing.attributes_of(bound)

    return run


def _loaded_at_first_use(place: str) -> Callable[..., Any]:
    """What `module:name` says, as a function that imports it when it is called.

    A worker serves a few queues only, and the libraries of the others are most of its memory.
    """
    module, _, name = place.partition(":")

    def run(*arguments: Any) -> Any:
        return getattr(import_module(module), name)(*arguments)

    return run


PLACES: dict[Task, str] = {
    Task.CLASSIFY_REVISION: "workers.classify:classify_revision",
    Task.ENRICH_EVENT: "workers.enrich:enrich_event",
    Task.PLAN_NOTIFICATION: "workers.plan:plan_notification",
    Task.EMAIL_BATCH: "workers.email:send_email_batch",
    Task.CHAT_BATCH: "workers.chat:send_chat_batch",
    Task.WEBSUB_BATCH: "workers.websub:send_websub_batch",
    Task.PULL_SOURCE: "workers.pull:poll_source",
    Task.RUN_JOB: "service.jobs.running:run",
    Task.POLL_MAILBOX: "workers.email.imap:poll_mailbox",
    Task.POLL_TELEGRAM: "workers.chat.telegram:poll_telegram",
    Task.REFIT_MODEL: "workers.learn:refit_if_due",
    Task.RETAIN: "workers.retain:forget_expired",
    Task.AUDIT_LEDGER: "workers.stages:audit_ledger",
    Task.COUNT_TALLIES: "workers.count:count_tallies",
    Task.COUNT_READERS: "workers.count:count_readers",
    Task.CLOSE_MONTHS: "workers.archive:close_months",
    Task.WATCH_CANARIES: "workers.canary:watch_canaries",
}
_OF_THE_SCHEDULER = (
    *(Task.POLL_MAILBOX, Task.POLL_TELEGRAM, Task.REFIT_MODEL, Task.RETAIN),
    *(Task.AUDIT_LEDGER, Task.COUNT_TALLIES, Task.COUNT_READERS),
    *(Task.CLOSE_MONTHS, Task.WATCH_CANARIES),
)

STAGES: dict[Task, Callable[[Runtime, int], None]] = {
    task: at_the_border(task.value, _loaded_at_first_use(place))
    for task, place in PLACES.items()
    if task not in _OF_THE_SCHEDULER
}

CHORES: dict[Task, Callable[[Runtime], None]] = {
    task: _loaded_at_first_use(PLACES[task]) for task in _OF_THE_SCHEDULER
}
