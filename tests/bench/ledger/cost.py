"""What one delivery costs the ledger: planned, claimed, looked at again, journaled and settled.

The sender sends nothing and takes no time, so that all that is measured is the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from service.ledger.audit import audit
from service.ledger.lease import Lease
from service.ledger.outcome import SENT, Outcome
from service.models import Batch, BatchState, Notification
from service.runtime import Runtime
from tests.bench.ledger.scene import Scene
from workers.deliver import deliver_batch
from workers.one_by_one import OneByOne
from workers.plan import plan_notification

MOST_DELIVERED = 100_000  # about; half an hour for a million on PostgreSQL would be too long
COUNT_SENT = text("""
    SELECT count(*) FROM delivery WHERE notification_id = :notification AND state = 1
""")


@dataclass(frozen=True)
class Cost:
    """Microseconds for each delivery of one article."""

    size: int
    plan: float
    deliver: float

    @property
    def whole(self) -> float:
        return self.plan + self.deliver


class NoSender(OneByOne):
    """Answers at once that it was sent."""

    def __init__(self, _runtime: Runtime, lease: Lease) -> None:
        self._notification_id = lease.notification_id

    def prepare(self, session: Session) -> int | None:
        article = text("""
            SELECT a.shown_revision_id FROM article a
            JOIN notification n ON n.article_id = a.id WHERE n.id = :id
        """)
        return session.scalar(article, {"id": self._notification_id})

    def send(self, _row: RowMapping, on_wire: Callable[[], None]) -> Outcome:
        on_wire()
        return SENT

    def close(self) -> None:
        """Nothing to hang up."""


def measure(scene: Scene, size: int) -> Cost:
    """Plan one article to so many, with an empty ledger before it, and deliver it; of a large one
    a part of the batches, evenly spread over its readers, while the ledger holds all of them."""
    scene.clear()
    notification_id = scene.news(size)
    started = time.perf_counter()
    plan_notification(scene.runtime, notification_id)
    planned = time.perf_counter()
    for batch_id in list(batches(scene.runtime))[:: max(size // MOST_DELIVERED, 1)]:
        deliver_batch(scene.runtime, batch_id, NoSender)
    delivered = time.perf_counter()
    with scene.runtime.db.read() as session:
        notification = session.get_one(Notification, notification_id)
        assert notification.planned == size
        assert audit(session) == []
        sent = session.scalar(COUNT_SENT, {"notification": notification_id})
    assert sent == size or sent > MOST_DELIVERED / 2
    return Cost(size, (planned - started) * 1e6 / size, (delivered - planned) * 1e6 / sent)


def batches(runtime: Runtime) -> Iterator[int]:
    """The batches that are not done."""
    with runtime.db.read() as session:
        query = select(Batch.id).where(Batch.state < BatchState.DONE).order_by(Batch.id)
        yield from session.scalars(query).all()
