"""The job that counts whom an article would be told to, where a page cannot wait for it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.jobs.kind import JobError, Kind
from service.ledger.refused import Refused
from service.ledger.whom import Figures, ask, count_range
from service.models import Job
from service.runtime import Runtime

Piece = tuple[Figures, int]


class CountReaders(Kind):
    """`params`: article, and what if: topics, places, breaks. Nobody knows how many there are
    before they are counted; `done` is how many were."""

    power = "review"

    def work(self, runtime: Runtime, job: Job) -> Piece | None:
        """Count the next key range, at this moment."""
        wanted = job.params
        with runtime.db.read() as session:
            try:
                asked = ask(
                    session,
                    wanted["article"],
                    wanted.get("topics", ()),
                    wanted.get("places", ()),
                    breaks=wanted.get("breaks", False),
                )
            except Refused as error:
                raise JobError(str(error)) from error
            lower = int(job.cursor.get("lower", 0))
            figures, upper = count_range(session, asked, lower, runtime.settings.timezone)
        return None if upper is None else (figures, upper)

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Piece) -> None:
        """Count it in."""
        counted, (some, upper) = Figures.from_json(job.result.get("figures", {})), piece
        counted.add(some)
        job.cursor = {"lower": upper}
        job.done = counted.planned
        job.result = {"figures": counted.as_json(), **counted.summary()}

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        """Nobody asked for it: say zero."""
        job.result = job.result or Figures().summary()
