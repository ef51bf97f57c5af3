"""What staff stop, let go on, or leave unsent for good, by page, API or command line: each act in
the scope of who does it, and with its line in the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from service import acts
from service.admin import article_acts
from service.admin.article_acts import Doer
from service.admin.scope import require_reach
from service.db import utcnow
from service.jobs import queue
from service.ledger import cancel as cancelling
from service.ledger import pausing
from service.ledger.hold import free_held
from service.ledger.pausing import Target
from service.ledger.refused import N_, Refused
from service.models import HaltScope

JOB = "cancel"


class Unchanged(Refused):
    """It is already as somebody asks for."""


def pause(doer: Doer, target: Target, reason: str) -> None:
    """Let what is unsent wait from the next slice on.

    Raises:
        Unchanged: it is paused already.
        Refused: there is no such article, or it is outside of the person's topics.
    """
    with _acting(doer, "deliveries.pause", target, reason) as session:
        if not pausing.pause(session, target, reason, doer.actor.staff_id, utcnow()):
            raise Unchanged(N_("It is paused already."))


def resume(doer: Doer, target: Target, reason: str = "") -> int:
    """Send what waited; returns how many batches go on.

    Raises:
        Unchanged: it is not paused.
        Refused: there is no such article, or it is outside of the person's topics.
    """
    with _acting(doer, "deliveries.resume", target, reason) as session:
        if not pausing.resume(session, target, utcnow()):
            raise Unchanged(N_("It is not paused."))
    held = doer.runtime
    return free_held(held.db, held.doorbell, target.scope, target.object_id, utcnow())


def cancel(doer: Doer, target: Target, reason: str) -> int:
    """Leave unsent for good what is not sent yet: workers heed it from their next slice on, and a
    job settles what none has in hand; returns its number.

    Raises:
        Refused: a lane can only be paused; there is no such article, or it is outside of the
            person's topics.
    """
    if target.scope == HaltScope.LANE:
        raise Refused(N_("A lane can be paused, not cancelled."))
    now, who = utcnow(), doer.actor.staff_id
    with _acting(doer, "deliveries.cancel", target, reason) as session:
        cancelling.cancel(session, target.scope, target.object_id, reason, who, now)
        params = {"scope": target.scope.value, "object_id": target.object_id}
        job = queue.start(session, JOB, who, **params, at=now.isoformat())
    queue.ring(doer.runtime, job.id)
    return job.id


@contextmanager
def _acting(doer: Doer, act: str, target: Target, reason: str) -> Iterator[Session]:
    """One transaction with the act in the log; a refusal leaves neither."""
    if target.scope == HaltScope.ARTICLE:
        number = target.object_id
        with article_acts.acting(doer, act, number, reason=reason, **target.detail) as (session, _):
            yield session
        return
    detail = {**({"reason": reason} if reason else {}), **target.detail}
    with doer.runtime.db.write() as session:
        require_reach(session, doer.actor.staff_id, target.scope, target.object_id)
        number_or_none = target.object_id or None
        acts.record(session, doer.runtime.vault, doer.actor, act, number_or_none, **detail)
        yield session
