"""Work past its last try, and what staff do about it: begin it again, or put it away for good.

What is given up is what an alarm is live about (see `attempts`), and the events of the inbox that
failed. Beginning again is a compare-and-set: a second time there is nothing to begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.alarms import clear_alarm
from service.ledger.attempts import MAX_CLASSIFY_ATTEMPTS, NOT_SENT, TO_PLAN
from service.ledger.batches import new_batch
from service.ledger.locks import lock_article_of
from service.ledger.waiting import Ring, ring_for_batch
from service.models import (
    Alarm,
    AlarmKind,
    Article,
    Batch,
    DestinationKind,
    InboxEvent,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    Source,
    Verdict,
)
from service.tasks import HOME, Queue, Task

AT_ONCE = 100  # that one "retry all" begins again
MOST = 1_000  # that are counted


class Given(StrEnum):
    """What can be given up, by the word that addresses and commands name it."""

    BATCH = "batch"
    TEXT = "text"
    PLAN = "plan"
    JOURNAL = "journal"
    EVENT = "event"


ALARM_OF = {
    Given.BATCH: AlarmKind.BATCH_GIVEN_UP,
    Given.TEXT: AlarmKind.REVISION_GIVEN_UP,
    Given.PLAN: AlarmKind.PLAN_FAILS,
    Given.JOURNAL: AlarmKind.JOURNAL_STUCK,
}
FAILED = text("inbox.verdict = 'failed'")  # the words of `ix_inbox_failed`

# Only those that were rejected because their batch was given up: what a mailbox refused stays so,
# and so does what may have arrived.
TAKE_UP = text("""
    UPDATE delivery AS v
    SET state = 0, batch_id = :new, attempts = 0, revision_id = NULL, settled_at = NULL,
        due_at = NULL
    WHERE v.notification_id = :notification AND v.batch_id = :batch AND v.state = 3
      AND v.maybe_revision_id IS NULL
      AND EXISTS (SELECT 1 FROM delivery_answer w
                  WHERE w.notification_id = v.notification_id
                    AND w.destination_id = v.destination_id AND w.code = :code)
""").bindparams(bindparam("code", NOT_SENT.code))


class GivenUpError(ValueError):
    """It cannot be begun again, or put away; the text says why."""


@dataclass(frozen=True)
class GivenUp:
    """One piece of work. `error` is what happened; `about` names it: a title, or a source."""

    kind: Given
    id: int
    at: datetime
    error: str
    about: str = ""
    article_id: int | None = None
    language: str = ""


def count(session: Session, kind: Given) -> int:
    """How many there are, at most `MOST`."""
    if kind is Given.EVENT:
        found = select(InboxEvent.id).where(FAILED)
    else:
        found = select(Alarm.id).where(Alarm.kind == ALARM_OF[kind], Alarm.cleared_at.is_(None))
    return session.scalar(select(func.count()).select_from(found.limit(MOST).subquery())) or 0


def listed(session: Session, kind: Given, before: int | None, limit: int) -> list[GivenUp]:
    """A page of one kind, the newest first, below a number."""
    if kind is Given.EVENT:
        return _events(session, before, limit)
    query = select(Alarm).where(Alarm.kind == ALARM_OF[kind], Alarm.cleared_at.is_(None))
    if before is not None:
        query = query.where(Alarm.object_id < before)
    alarms = session.scalars(query.order_by(Alarm.object_id.desc()).limit(limit)).all()
    ids = [alarm.object_id for alarm in alarms]
    named = {Given.TEXT: _named_texts, Given.PLAN: _named_plans}.get(kind, _named_batches)
    names = named(session, ids)
    unknown = (None, "", "")
    return [
        GivenUp(kind, one.object_id, one.raised_at, one.text, title, article_id, spoken)
        for one in alarms
        for article_id, title, spoken in [names.get(one.object_id, unknown)]
    ]


def _events(session: Session, before: int | None, limit: int) -> list[GivenUp]:
    query = select(InboxEvent, Source.slug).join(Source, Source.id == InboxEvent.source_id)
    query = query.where(FAILED)
    if before is not None:
        query = query.where(InboxEvent.id < before)
    found = session.execute(query.order_by(InboxEvent.id.desc()).limit(limit)).all()
    return [
        GivenUp(Given.EVENT, row.id, row.received_at, row.reason, slug, row.article_id)
        for row, slug in found
    ]


Names = dict[int, tuple[int | None, str, str]]  # article, title, and the title's language


def _named_texts(session: Session, ids: Sequence[int]) -> Names:
    query = select(Revision.id, Revision.article_id, Revision.title, Revision.language)
    found = session.execute(query.where(Revision.id.in_(ids)))
    return {id_: (article_id, title, spoken) for id_, article_id, title, spoken in found}


def _named_plans(session: Session, ids: Sequence[int]) -> Names:
    query = (
        select(Notification.id, Article.id, Revision.title, Revision.language)
        .join(Article, Article.id == Notification.article_id)
        .join(Revision, Revision.id == Article.revision_id)
    )
    found = session.execute(query.where(Notification.id.in_(ids)))
    return {id_: (article_id, title, spoken) for id_, article_id, title, spoken in found}


def _named_batches(session: Session, ids: Sequence[int]) -> Names:
    batches = session.scalars(select(Batch).where(Batch.id.in_(ids))).all()
    names = _named_plans(session, [one.notification_id for one in batches])
    return {one.id: names[one.notification_id] for one in batches if one.notification_id in names}


def begin_again(session: Session, kind: Given, object_id: int, now: datetime) -> Ring:
    """Begin one again, with all its tries; ring for it after the commit.

    Raises:
        GivenUpError: it is not given up (any more), or cannot be begun again.
    """
    if kind is Given.BATCH:
        return _retry_batch(session, object_id, now)
    if kind is Given.TEXT:
        return _retry_text(session, object_id, now)
    if kind is Given.PLAN:
        return _retry_plan(session, object_id, now)
    if kind is Given.EVENT:
        return _retry_event(session, object_id, now)
    raise GivenUpError("a journal is tried again by every sweep; nobody needs to ask for it")


def begin_some_again(session: Session, kind: Given, now: datetime) -> list[tuple[int, Ring]]:
    """Begin again the oldest of a kind that can be, `AT_ONCE` at most."""
    begun = []
    for object_id in _oldest(session, kind):
        try:
            begun.append((object_id, begin_again(session, kind, object_id, now)))
        except GivenUpError:
            continue
    return begun


def discard(session: Session, kind: Given, object_id: int, reason: str, now: datetime) -> None:
    """Put one away for good: who was not told is not told, what was not read is not read.

    Raises:
        GivenUpError: it is not given up (any more).
    """
    if kind is Given.EVENT:
        failed = update(InboxEvent).where(InboxEvent.id == object_id, FAILED)
        values = {"verdict": Verdict.IGNORED, "reason": f"discarded by staff: {reason}"}
        if not rows(session, failed.values(**values)):
            raise GivenUpError(f"no event {object_id} has failed")
        return
    if kind is Given.PLAN:
        lock_article_of(session, object_id)
        session.execute(
            update(Notification)
            .where(Notification.id == object_id, Notification.state.in_(TO_PLAN))
            .where(Notification.stopped_at.is_(None))
            .values(stopped_at=now, rung_at=now)
        )
    _clear(session, kind, object_id, now)


def _oldest(session: Session, kind: Given) -> Sequence[int]:
    if kind is Given.EVENT:
        query = select(InboxEvent.id).where(FAILED, InboxEvent.sealed_body.is_not(None))
        return session.scalars(query.order_by(InboxEvent.id).limit(AT_ONCE)).all()
    live = select(Alarm.object_id).where(Alarm.kind == ALARM_OF[kind], Alarm.cleared_at.is_(None))
    return session.scalars(live.order_by(Alarm.object_id).limit(AT_ONCE)).all()


def _clear(session: Session, kind: Given, object_id: int, now: datetime) -> None:
    if not clear_alarm(session, ALARM_OF[kind], object_id, now):
        raise GivenUpError(f"no {kind.value} {object_id} is given up")


def _retry_batch(session: Session, batch_id: int, now: datetime) -> Ring:
    """Put its readers who were not told into a new batch; it is news again from now on."""
    old = session.get(Batch, batch_id)
    if old is None:
        raise GivenUpError(f"batch {batch_id} is gone: who was told is not kept any more")
    lock_article_of(session, old.notification_id)
    notification = session.get_one(Notification, old.notification_id, with_for_update=True)
    if notification.archived_at is not None:
        raise GivenUpError(f"batch {batch_id} is too old: who was told is not kept any more")
    is_over = notification.state == NotificationState.CANCELLED
    if is_over or notification.stopped_at is not None:
        raise GivenUpError(f"what batch {batch_id} was to tell was withdrawn or cancelled")
    _clear(session, Given.BATCH, batch_id, now)
    new = new_batch(notification, DestinationKind(old.kind), old.lane)
    session.add(new)
    session.flush()
    keys = {"new": new.id, "notification": notification.id, "batch": batch_id}
    if not rows(session, TAKE_UP, **keys):
        raise GivenUpError(f"nobody of batch {batch_id} is left who was not told")
    if notification.state == NotificationState.DONE:
        notification.state, notification.done_at = NotificationState.PLANNED, None
    notification.resent_at = now
    return ring_for_batch(new)


def _retry_text(session: Session, revision_id: int, now: datetime) -> Ring:
    begun = rows(
        session,
        update(Revision)
        .where(Revision.id == revision_id, Revision.state == RevisionState.QUARANTINED)
        .where(Revision.attempts >= MAX_CLASSIFY_ATTEMPTS)
        .values(
            state=RevisionState.RECEIVED,
            attempts=0,
            failure=None,
            classified_at=None,
            rung_at=now,
        ),
    )
    if not begun:
        raise GivenUpError(f"text {revision_id} is not given up")
    clear_alarm(session, AlarmKind.REVISION_GIVEN_UP, revision_id, now)
    is_urgent = session.scalar(
        select(Article.is_urgent)
        .join(Revision, Revision.article_id == Article.id)
        .where(Revision.id == revision_id)
    )
    queue = Queue.URGENT if is_urgent else HOME[Task.CLASSIFY_REVISION]
    return Ring(Task.CLASSIFY_REVISION, revision_id, queue)


def _retry_plan(session: Session, notification_id: int, now: datetime) -> Ring:
    """Try at once; its alarm stays until a range is planned."""
    found = session.execute(
        update(Notification)
        .where(Notification.id == notification_id, Notification.state.in_(TO_PLAN))
        .where(Notification.attempts > 0)
        .values(rung_at=now)
        .returning(Notification.is_urgent, Notification.kind)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if found is None:
        raise GivenUpError(f"the planning of notification {notification_id} does not fail")
    if found.kind == NotificationKind.DIGEST:
        return Ring(Task.PLAN_NOTIFICATION, notification_id, Queue.DIGEST)
    queue = Queue.URGENT if found.is_urgent else HOME[Task.PLAN_NOTIFICATION]
    return Ring(Task.PLAN_NOTIFICATION, notification_id, queue)


def _retry_event(session: Session, inbox_id: int, now: datetime) -> Ring:
    """A worker reads it again by today's preset, as it does with one that waits for its CMS."""
    begun = rows(
        session,
        update(InboxEvent)
        .where(InboxEvent.id == inbox_id, FAILED, InboxEvent.sealed_body.is_not(None))
        .values(verdict=Verdict.PENDING, attempts=0, due_at=now, rung_at=now),
    )
    if not begun:
        raise GivenUpError(f"no event {inbox_id} has failed that could be read again")
    return Ring(Task.ENRICH_EVENT, inbox_id, HOME[Task.ENRICH_EVENT])
