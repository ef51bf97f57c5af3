"""The pipeline at this moment: how much waits at each stage, and since when.

Each look walks a partial index of unfinished work, and counts to a limit: how much there ever was
does not matter, and "more than a thousand" says enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, column, or_, select, text
from sqlalchemy.orm import Session

from service.db import Moment
from service.models import Job, MailLane, Pull, Source
from service.tasks import Queue

MOST = 1_000  # articles of a stage that are counted
MOST_BATCHES = 20_000
MOST_LISTED = 50


class Stage(StrEnum):
    """Where an article can be on its way; the list of articles filters by it."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    REVIEW = "review"
    HELD = "held"
    PLANNING = "planning"
    SENDING = "sending"


# Longer than this is worth a look, and five times this is worth an alarm. The quarantined and the
# reviewed wait for people.
PATIENCE: dict[Stage, timedelta] = {
    Stage.RECEIVED: timedelta(minutes=1),
    Stage.QUARANTINED: timedelta(hours=1),
    Stage.REVIEW: timedelta(hours=2),
    Stage.HELD: timedelta(minutes=35),  # the longest hold of a source is half an hour
    Stage.PLANNING: timedelta(minutes=2),
    Stage.SENDING: timedelta(minutes=30),
}
ALARMING = 5

# SQLite walks a partial index only where a query says its condition in its own words.
_ROWS: dict[Stage, str] = {
    Stage.RECEIVED: "SELECT r.created_at AS since FROM revision r WHERE r.state = 'received'",
    Stage.QUARANTINED: """
        SELECT r.created_at AS since FROM revision r
        JOIN article a ON a.id = r.article_id AND a.revision_id = r.id
        WHERE r.state = 'quarantined' AND a.state = 'published'""",
    Stage.REVIEW: """
        SELECT min(t.decided_at) AS since
        FROM topic_label t JOIN revision r ON r.id = t.revision_id
        JOIN article a ON a.id = r.article_id AND a.revision_id = r.id
        WHERE t.state = 'review' AND a.state = 'published' GROUP BY t.revision_id""",
    Stage.HELD: """
        SELECT n.created_at AS since FROM notification n
        WHERE n.state = 'held' AND n.article_id IS NOT NULL
          AND n.state NOT IN ('done', 'cancelled')""",
    Stage.PLANNING: """
        SELECT coalesce(n.resent_at, n.released_at) AS since FROM notification n
        WHERE n.state IN ('released', 'planning') AND n.article_id IS NOT NULL
          AND n.state NOT IN ('done', 'cancelled')""",
    Stage.SENDING: """
        SELECT coalesce(n.planned_at, n.released_at) AS since FROM notification n
        WHERE n.state = 'planned' AND n.article_id IS NOT NULL
          AND n.state NOT IN ('done', 'cancelled')""",
}
_COUNTED = {
    stage: text(f"SELECT count(*) AS many, min(since) AS since FROM ({rows} LIMIT :most) AS w")  # noqa: S608
    .bindparams(bindparam("most", MOST + 1))
    .columns(column("many"), since=Moment())
    for stage, rows in _ROWS.items()
}

_BATCHES = text("""
    SELECT kind, lane, queue, count(*) AS many,
           sum(CASE WHEN state = 1 THEN 1 ELSE 0 END) AS taken,
           sum(CASE WHEN held_at IS NOT NULL THEN 1 ELSE 0 END) AS held,
           min(CASE WHEN state = 0 AND due_at <= :now THEN rung_at END) AS rung_at
    FROM (SELECT kind, lane, queue, state, held_at, due_at, rung_at FROM batch
          WHERE state < 2 ORDER BY due_at LIMIT :most) AS w
    GROUP BY kind, lane, queue ORDER BY kind, lane, queue
""")
_OPEN = _BATCHES.bindparams(
    bindparam("now", type_=Moment()), bindparam("most", MOST_BATCHES)
).columns(
    column("kind"),
    column("lane"),
    column("queue"),
    column("many"),
    column("taken"),
    column("held"),
    rung_at=Moment(),
)

_RUNG = {
    Queue.INGEST: "SELECT min(rung_at) AS at FROM revision WHERE state = 'received'",
    Queue.FANOUT: """
        SELECT min(n.rung_at) AS at FROM notification n
        WHERE n.state IN ('released', 'planning') AND n.kind <> 'digest'
          AND n.state NOT IN ('done', 'cancelled')""",
    Queue.DIGEST: """
        SELECT min(n.rung_at) AS at FROM notification n
        WHERE n.state IN ('released', 'planning') AND n.kind = 'digest'
          AND n.state NOT IN ('done', 'cancelled')""",
}
_RUNG_AT = {queue: text(sql).columns(at=Moment()) for queue, sql in _RUNG.items()}


@dataclass(frozen=True)
class Waiting:
    """A stage: how many articles, `is_more` where there are more, and the oldest one's time."""

    stage: Stage
    count: int
    is_more: bool
    since: datetime | None
    tone: str  # good, warn or bad


@dataclass(frozen=True)
class LaneLoad:
    """Open batches of a lane: all, those in somebody's hands, and those that a pause holds."""

    kind: str
    lane: str
    count: int
    taken: int
    held: int


@dataclass(frozen=True)
class QueueLoad:
    """A queue: rings that nobody has taken (null: the broker is away), and the oldest ring of work
    that waits."""

    queue: Queue
    length: int | None
    rung_at: datetime | None


def stages(session: Session, now: datetime) -> list[Waiting]:
    """Every stage, in the order of an article's way."""
    return [_stage(session, stage, now) for stage in Stage]


def _stage(session: Session, stage: Stage, now: datetime) -> Waiting:
    found = session.execute(_COUNTED[stage]).one()
    tone, waited = "good", now - (found.since or now)
    if waited > PATIENCE[stage]:
        tone = "bad" if waited > ALARMING * PATIENCE[stage] else "warn"
    return Waiting(stage, min(found.many, MOST), found.many > MOST, found.since, tone)


def batches(session: Session, now: datetime) -> tuple[list[LaneLoad], dict[Queue, datetime | None]]:
    """Open batches by lane, and by queue when the oldest one that is due was last rung for."""
    lanes: dict[tuple[str, str], LaneLoad] = {}
    rung: dict[Queue, datetime | None] = {}
    for row in session.execute(_OPEN, {"now": now}):
        before = lanes.get((row.kind, row.lane)) or LaneLoad(row.kind, row.lane, 0, 0, 0)
        lanes[row.kind, row.lane] = LaneLoad(
            row.kind,
            row.lane,
            before.count + row.many,
            before.taken + row.taken,
            before.held + row.held,
        )
        queue = Queue(row.queue)
        known = [at for at in (rung.get(queue), row.rung_at) if at is not None]
        rung[queue] = min(known, default=None)
    return list(lanes.values()), rung


def queues(
    session: Session,
    lengths: dict[Queue, int] | None,
    rung: dict[Queue, datetime | None],
) -> list[QueueLoad]:
    """Every queue, the most pressing first."""
    at = {**rung, **{queue: session.execute(sql).scalar() for queue, sql in _RUNG_AT.items()}}
    return [
        QueueLoad(queue, None if lengths is None else lengths.get(queue, 0), at.get(queue))
        for queue in Queue
    ]


def closed_lanes(session: Session, now: datetime) -> Sequence[MailLane]:
    """Providers and domains to which nothing goes for now; there is a row for each that ever was
    closed, so few that they are read through."""
    query = select(MailLane).where(MailLane.closed_until > now).order_by(MailLane.name)
    return session.scalars(query.limit(MOST_LISTED)).all()


def troubled_sources(session: Session) -> list[tuple[Source, Pull | None]]:
    """Sources that are paused, or whose listing is silent, emptied or unreadable."""
    query = (
        select(Source, Pull)
        .outerjoin(Pull, Pull.source_id == Source.id)
        .where(or_(Source.is_paused.is_(True), Pull.alarm.is_not(None)))
        .order_by(Source.slug)
        .limit(MOST_LISTED)
    )
    return [(source, pull) for source, pull in session.execute(query)]


def unfinished_jobs(session: Session) -> Sequence[Job]:
    """Jobs that wait or run, the next one first."""
    query = select(Job).where(text("job.state IN ('queued', 'running')")).order_by(Job.due_at)
    return session.scalars(query.limit(MOST_LISTED)).all()
