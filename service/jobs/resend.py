"""The jobs that count and that resend exactly what is missing of an article.

The states of the ledger decide who is missing, range by range and under the notification's cursor;
so a job that dies, runs twice, or has a planner beside it doubles nobody and leaves nobody out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.jobs.kind import JobError, Kind
from service.ledger import resend
from service.ledger.batches import ring_batch
from service.ledger.layout import Shares
from service.ledger.match import next_range, question
from service.ledger.plan import TO_PLAN, Overtaken, begin_planning, plan_range
from service.ledger.refused import Refused
from service.models import Batch, Delivery, Job, Notification
from service.runtime import Runtime

RANGE_SIZE = 20_000  # subscriptions that one look walks
# Others may be at the same story, or at this notification: they finish it as well.
PATIENCE = timedelta(milliseconds=500)


class CountMissing(Kind):
    """`params`: article. The result says how many, by what became of them."""

    power = "send"

    def work(self, runtime: Runtime, job: Job) -> tuple[Counter[str], int] | None:
        """Count the next key range."""
        lower = int(job.cursor.get("lower", 0))
        with runtime.db.read() as session:
            return _missing(session, job.params["article"], lower)

    def store(
        self, runtime: Runtime, session: Session, job: Job, piece: tuple[Counter[str], int]
    ) -> None:
        """Count it in."""
        found = Counter(job.result) + piece[0]
        job.cursor, job.result, job.done = {"lower": piece[1]}, dict(found), found.total()


@dataclass(frozen=True)
class Range:
    """A range that was planned: how many are on their way by it. `is_first`: it is to begin."""

    is_first: bool = False
    queued: int = 0


@dataclass
class ResendMissing(Kind):
    """`params`: article, unknown (those too who may have got it). `done`: how many are on their
    way again. Once it has begun, the planner goes on without it: a cancel of the job ends its
    figures alone, and a pause or cancel of the article stops the sending."""

    power = "send"
    shares: Shares = field(default_factory=Shares)

    def count(self, runtime: Runtime, job: Job) -> int:
        """Exactly those whom it will go to, by the statement that takes them up."""
        found, lower = Counter[str](), 0
        with runtime.db.read() as session:
            while (some := _missing(session, job.params["article"], lower)) is not None:
                found += some[0]
                lower = some[1]
        if not job.params["unknown"]:
            found.pop("unknown", None)
        return found.total()

    def work(self, runtime: Runtime, job: Job) -> Range | None:
        """Take up the next key range by compare-and-set on the notification's cursor, and ring."""
        if "notification" not in job.cursor:
            return Range(is_first=True)
        notification_id = int(job.cursor["notification"])
        try:
            with runtime.db.write() as session:
                notification = begin_planning(session, notification_id, utcnow())
                is_ours = notification is not None
                if notification is None:
                    batches = _nothing_left(session, notification_id)
                else:
                    batches = plan_range(session, notification, self.shares, utcnow())
                queued = _queued(session, batches or [])
        except Overtaken:
            batches, queued, is_ours = [], 0, False
        if batches is None:
            return None
        for batch in batches:
            ring_batch(runtime.doorbell, batch)
        if not is_ours:
            Event().wait(PATIENCE.total_seconds())
        return Range(queued=queued)

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Range) -> None:
        """Begin, once, in the transaction that says so; or count what is on its way."""
        if piece.is_first:
            article_id, now = job.params["article"], utcnow()
            try:
                _, news = resend.news_of(session, article_id, for_update=True)
            except Refused as error:
                raise JobError(str(error)) from error
            resend.resend(news, now, with_unknown=job.params["unknown"])
            job.cursor = {"notification": news.id}
        job.done += piece.queued
        job.result = {"queued": job.done}


def _missing(session: Session, article_id: int, lower: int) -> tuple[Counter[str], int] | None:
    """Who is missing in the key range after `lower`, and where that ends; null after the last."""
    try:
        article, news = resend.news_of(session, article_id, for_update=False)
    except Refused as error:
        raise JobError(str(error)) from error
    found = next_range(session, question(session, news, article), lower, RANGE_SIZE)
    if found is None:
        return None
    return resend.missing(session, article, news, (lower, found[0])), found[0]


def _nothing_left(session: Session, notification_id: int) -> list[Batch] | None:
    """Nothing for the moment, while another one of its story is planned; null: all is planned."""
    state = session.scalar(select(Notification.state).where(Notification.id == notification_id))
    return [] if state in TO_PLAN else None


def _queued(session: Session, batches: list[Batch]) -> int:
    """How many deliveries these batches hold, a walk along `ix_delivery_batch_id`."""
    if not batches:
        return 0
    ids = [batch.id for batch in batches]
    query = select(func.count()).select_from(Delivery).where(Delivery.batch_id.in_(ids))
    return int(session.scalar(query) or 0)
