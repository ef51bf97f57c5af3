"""The job behind a cancel: settles what it met and no worker has in hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from service.db import utcnow
from service.jobs.kind import Kind
from service.ledger.cancel import concerned, settle_one
from service.ledger.hold import free_held
from service.models import HaltScope, Job
from service.runtime import Runtime


class Cancelling(Kind):
    """Piece by piece the notifications with something unsent; `params`: scope, number and time of
    the cancel, which has been decided."""

    power = "send"

    def count(self, runtime: Runtime, job: Job) -> int:
        with runtime.db.read() as session:
            return len(concerned(session, *_asked(job)))

    def work(self, runtime: Runtime, job: Job) -> int | None:
        scope, object_id, at = _asked(job)
        with runtime.db.read() as session:
            found = concerned(session, scope, object_id, at)
        after = int(job.cursor.get("notification", 0))
        one = next((each for each in found if each > after), None)
        if one is None:  # what a pause held is looked at by its workers
            free_held(runtime.db, runtime.doorbell, scope, object_id, utcnow())
            return None
        settle_one(runtime.db, scope, one, at)
        return one

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Any) -> None:
        job.cursor, job.done = {"notification": piece}, job.done + 1


def _asked(job: Job) -> tuple[HaltScope, int, datetime]:
    params = job.params
    at = datetime.fromisoformat(params["at"])
    return HaltScope(params["scope"]), int(params["object_id"]), at
