"""A sender for the tests of the ledger: it says what the test wants and remembers whom it told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import text, update

from service.db import utcnow
from service.ledger.outcome import SENT, Outcome
from service.models import Batch
from service.runtime import Runtime
from workers.one_by_one import OneByOne

Act = Callable[[int, Callable[[], None]], Outcome | None]


class Recorder(OneByOne):
    """Opens as a sender; `act` sees each destination before it goes on the wire."""

    def __init__(self, act: Act | None = None) -> None:
        self.sent: list[int] = []
        self.tried: list[int] = []
        self._act = act

    def __call__(self, _runtime, _lease) -> Recorder:
        return self

    def prepare(self, session) -> int:
        return session.execute(text("SELECT max(id) FROM revision")).scalar()

    def send(self, row, on_wire) -> Outcome:
        destination = row["destination_id"]
        outcome = self._act(destination, on_wire) if self._act else None
        if outcome is None:
            on_wire()
            outcome = SENT
        self.tried.append(destination)
        if outcome is SENT:
            self.sent.append(destination)
        return outcome

    def close(self) -> None:
        pass


def end_lease(runtime: Runtime, batch_id: int) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Batch).where(Batch.id == batch_id).values(due_at=utcnow() - timedelta(seconds=1))
        )
