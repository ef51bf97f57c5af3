"""Digests: makes the runs that are due, and rings for their planning.

It is the sweeper that asks, so no scheduler has to be awake at eight. Two that ask at once make
each run once.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from service.db import utcnow
from service.ledger.digest_runs import Due, begin, missing
from service.logs import get_logger
from service.runtime import Runtime
from service.tasks import Queue, Task

log = get_logger(__name__)


def make_due_runs(runtime: Runtime) -> int:
    """Make the runs that are due and not there; returns how many."""
    zone = ZoneInfo(runtime.settings.timezone)
    with runtime.db.read() as session:
        due = missing(session, utcnow(), zone)
    return sum(_make(runtime, one) for one in due)


def _make(runtime: Runtime, due: Due) -> bool:
    try:
        with runtime.db.write() as session:
            run = begin(session, due, utcnow())
    except IntegrityError:  # another sweeper made it a moment ago
        return False
    log.info(
        "digest due",
        frequency=due.frequency.value,
        day=due.day.isoformat(),
        notification_id=run.notification_id,
    )
    if run.notification_id is not None:
        runtime.doorbell.ring(Task.PLAN_NOTIFICATION, run.notification_id, Queue.DIGEST)
    return True
