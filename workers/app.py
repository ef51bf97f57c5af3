"""The Celery application: queues, tasks, schedule, each setting with its reason. The experiments
behind them are repeated by the chaos runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)

from service import logs
from service.brokers import HEARTBEAT_S, VISIBILITY_TIMEOUT_S, Broker
from service.personal_chat import ChatKind
from service.runtime import Runtime
from service.settings import load
from service.tasks import (
    HOME,
    WORKER_TIMEOUT_S,
    Doorbell,
    Priority,
    Queue,
    Task,
)
from service.telemetry.meters import CHORE_DONE
from workers.runtime import process_runtime, tell_the_rest
from workers.stages import CHORES, STAGES
from workers.watchdog import MOST_KB, watch

settings = load()
broker = Broker.of(settings)
app = Celery("workers", broker=broker.url)
app.conf.update(
    # Results are rows in the database.
    task_ignore_result=True,
    # Never pickle: a broker must not be able to run code here.
    task_serializer="json",
    accept_content=["json"],
    # A killed worker's message comes back instead of being lost with it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One at a time: fair between long and short, and a worker that dies takes little with it.
    worker_prefetch_multiplier=1,
    # Of forked workers alone; those of threads have timeouts on every socket.
    task_time_limit=600,
    task_soft_time_limit=540,
    # Above the time limit, in both places: Celery reads one, its transport the other.
    visibility_timeout=VISIBILITY_TIMEOUT_S,
    broker_transport_options=broker.serving(WORKER_TIMEOUT_S),
    broker_heartbeat=HEARTBEAT_S,  # of RabbitMQ alone
    # A broker that is away is waited for, at the start and at any time, for as long as it takes.
    broker_connection_retry_on_startup=True,
    broker_connection_retry=True,
    broker_connection_max_retries=None,
    # Cancelling a running send would send it twice.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # The sweeper has what could not be published.
    task_publish_retry=False,
    # A warm stop ends the tasks in hand, within the supervisor's time; a second stage of stopping
    # changed nothing where that stalled, and prefetching one task cured it.
    worker_soft_shutdown_timeout=0.0,
    # A forked child that grew is replaced between two tasks; threads: see `workers.watchdog`.
    worker_max_memory_per_child=MOST_KB,
    # Nobody asks workers by the broker, so whoever gets at it cannot stop them; and a subscription
    # less has to come back when Redis does.
    worker_enable_remote_control=False,
    # A queue exists because a worker serves it; a typing error must not make another.
    task_queues=[broker.queue(q.value) for q in Queue],
    task_default_priority=broker.priority(Priority.STAGE),  # of what the scheduler sends
    task_default_queue=Queue.MAINTENANCE.value,
    task_routes={task.value: {"queue": queue.value} for task, queue in HOME.items()},
    task_create_missing_queues=False,
    timezone="UTC",
    enable_utc=True,
    beat_scheduler="workers.scheduler:Scheduler",
    # Each entry expires, so that nothing piles up while the workers are away.
    beat_schedule={
        "retain": {
            "task": Task.RETAIN.value,
            "schedule": crontab(minute="17", hour="1"),
            "options": {"expires": 3600},
        },
        "refit": {
            "task": Task.REFIT_MODEL.value,
            "schedule": crontab(minute="23"),
            "options": {"expires": 1800},
        },
        "mailbox": {
            "task": Task.POLL_MAILBOX.value,
            "schedule": 60.0,
            "options": {"expires": 50},
        },
        # Somebody waits before a page for what they do in Telegram.
        **(
            {
                "telegram": {
                    "task": Task.POLL_TELEGRAM.value,
                    "schedule": 5.0,
                    "options": {"expires": 4},
                }
            }
            if ChatKind.TELEGRAM in settings.chat_offer.kinds
            else {}
        ),
        "audit": {
            "task": Task.AUDIT_LEDGER.value,
            "schedule": crontab(minute="41"),
            "options": {"expires": 1800},
        },
        # Of what is under way; at most ten seconds of one process.
        "tallies": {
            "task": Task.COUNT_TALLIES.value,
            "schedule": 20.0,
            "options": {"expires": 15},
        },
        # Each hour, and it counts the days that are missing: a city's midnight is no hour of UTC.
        "readers": {
            "task": Task.COUNT_READERS.value,
            "schedule": crontab(minute="5"),
            "options": {"expires": 1800},
        },
        # One is due once a month; after an import of old articles, many at once.
        "months": {
            "task": Task.CLOSE_MONTHS.value,
            "schedule": crontab(minute="29"),
            "options": {"expires": 1800},
        },
        # Where none is set it takes away what was there before, and looks no further.
        "canaries": {
            "task": Task.WATCH_CANARIES.value,
            "schedule": 60.0,
            "options": {"expires": 50},
        },
    },
)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logging(**_: Any) -> None:
    logs.configure(settings.log_level)


@worker_init.connect  # type: ignore[untyped-decorator]
def _look_at_queues(**_: Any) -> None:
    """A worker ends where a queue of its own is not ours: say plainly why, with how to mend it."""
    if broker.is_amqp:
        logs.configure(settings.log_level)  # Celery does it only later
        bell = Doorbell(settings, WORKER_TIMEOUT_S)
        bell.lengths()
        bell.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _watch(sender: Any, **_: Any) -> None:
    watch(sender, settings)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _tell_the_rest(**_: Any) -> None:
    tell_the_rest()


def _register_stage(task: Task, stage: Callable[[Runtime, int], None]) -> None:
    # The stage has logged its error, with the ids of its row: Celery need not do it again.
    @app.task(name=task.value, throws=(Exception,))  # type: ignore[untyped-decorator]
    def run(row_id: int, *more: int) -> None:
        try:
            stage(process_runtime(), row_id)
        finally:  # a row that fails must not take the others of its message with it
            if more:
                run(*more)


def _register_chore(task: Task, chore: Callable[[Runtime], None]) -> None:
    @app.task(name=task.value)  # type: ignore[untyped-decorator]
    def run() -> None:
        runtime = process_runtime()
        chore(runtime)
        runtime.meters.mark(CHORE_DONE, task.value)


for _task, _stage in STAGES.items():
    _register_stage(_task, _stage)
for _task, _chore in CHORES.items():
    _register_chore(_task, _chore)
