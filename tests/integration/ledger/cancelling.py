"""A cancel settled to its end, as its job does it."""

from __future__ import annotations

from datetime import datetime

from service.jobs.cancelling import Cancelling
from service.models import HaltScope, Job
from service.runtime import Runtime


def settle_cancelled(runtime: Runtime, scope: HaltScope, object_id: int, now: datetime) -> None:
    """Settle what a cancel of `now` met and nobody holds, and ring for what a pause held."""
    params = {"scope": scope.value, "object_id": object_id, "at": now.isoformat()}
    job = Job(kind="cancel", params=params, cursor={})
    while (done := Cancelling().work(runtime, job)) is not None:
        job.cursor = {"notification": done}
