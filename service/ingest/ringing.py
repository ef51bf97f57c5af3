"""Rings for the work that a stored event asks for, after its transaction has committed."""

from __future__ import annotations

from service.ingest.delivery import Outcome
from service.models import Verdict
from service.runtime import Runtime
from service.tasks import Queue, Task


def ring_for(runtime: Runtime, outcome: Outcome) -> None:
    """Ask the workers to classify, to plan, or to ask the CMS; the sweeper finds what they miss."""
    if outcome.verdict == Verdict.PENDING and outcome.inbox_id is not None:
        runtime.doorbell.ring_soon(Task.ENRICH_EVENT, outcome.inbox_id)
    for stored in outcome.stored:
        queue = Queue.URGENT if stored.is_urgent else None
        if stored.waiting is not None:
            runtime.doorbell.ring_soon(Task.CLASSIFY_REVISION, stored.waiting, queue)
