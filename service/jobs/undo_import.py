"""Undoing an import: what it added, and nobody has changed since, ends; who came only by it goes.

Whoever has said anything themselves since, by a confirmation or by an end, is left as they are:
their word counts for more than the list and than its undoing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import utcnow
from service.jobs import import_rules
from service.jobs.kind import Kind
from service.models import (
    Before,
    Consent,
    ConsentAct,
    Destination,
    ImportEntry,
    ImportRun,
    Job,
    Notification,
    OneTimeToken,
    Subscription,
)
from service.runtime import Runtime
from service.subscriptions import erasures
from service.subscriptions.endings import UNDONE, record
from service.subscriptions.persons import is_known

PEOPLE = 100  # a piece


class UndoImport(Kind):
    """Walks the addresses that an import added something to."""

    power = "people"

    def count(self, runtime: Runtime, job: Job) -> int | None:
        """As many as the import says; it did not count them if it was stopped."""
        with runtime.db.read() as session:
            run = session.get_one(ImportRun, job.params["import_id"])
            if run.result:
                counts = run.result.get("counts", {})
                return int(counts.get("added", 0) + counts.get("changed", 0))
        return None

    def work(self, runtime: Runtime, job: Job) -> Sequence[int] | None:
        after = int(job.cursor.get("destination", 0))
        mine = ImportEntry.import_id == job.params["import_id"]
        with runtime.db.read() as session:
            ids = session.scalars(
                select(ImportEntry.destination_id)
                .where(mine, ImportEntry.destination_id > after)
                .distinct()
                .order_by(ImportEntry.destination_id)
                .limit(PEOPLE)
            ).all()
        return ids or None

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Sequence[int]) -> None:
        run = session.get_one(ImportRun, job.params["import_id"])
        counts = Counter(job.result.get("counts", {})) + _undo(runtime, session, run, piece)
        job.cursor = {"destination": piece[-1]}
        job.done += len(piece)
        job.result = {"counts": dict(counts)}

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        run = session.get_one(ImportRun, job.params["import_id"], with_for_update=True)
        run.undone = job.result
        import_rules.forget_file(session, run)


def _undo(runtime: Runtime, session: Session, run: ImportRun, ids: Sequence[int]) -> Counter[str]:
    """Take back what some addresses got, and count what became of them."""
    now, got = utcnow(), _entries(session, run, ids)
    found = session.scalars(
        select(Destination)
        .where(Destination.id.in_(ids), is_known())
        .order_by(Destination.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    spoken = _who_has_spoken(session, run, found, got)
    silent = {one.id: one for one in found if one.id not in spoken}
    counts = Counter(gone=len(ids) - len(found), kept=len(spoken))
    entries = [entry for id_ in silent for entry in got[id_]]
    counts["links"] = _end_links(session, entries, now)
    counts["ended"] = _end_subscriptions(session, silent, entries, now)
    alone = _who_has_no_more(session, list(silent.values()))
    gone = [one for one in alone if got[one.id][0].before == Before.NEW]
    for one in alone:
        if run.evidence and got[one.id][0].before == Before.UNVERIFIED:
            one.verified_at = None  # the list alone had vouched for them
    session.flush()
    counts["erased"] = len(gone)
    erasures.forget_noted(session, runtime.settings, gone, now)
    return counts


def _entries(session: Session, run: ImportRun, ids: Sequence[int]) -> dict[int, list[ImportEntry]]:
    """What each address got, piece by piece."""
    got = defaultdict[int, list[ImportEntry]](list)
    found = session.scalars(
        select(ImportEntry)
        .where(ImportEntry.import_id == run.id, ImportEntry.destination_id.in_(ids))
        .order_by(ImportEntry.destination_id, ImportEntry.piece)
    )
    for entry in found:
        got[entry.destination_id].append(entry)
    return got


def _who_has_spoken(
    session: Session,
    run: ImportRun,
    found: Sequence[Destination],
    got: dict[int, list[ImportEntry]],
) -> set[int]:
    """Who has confirmed something since, or ended some of it themselves."""
    confirmed = set(
        session.scalars(
            select(Consent.address_hash)
            .where(Consent.address_hash.in_([one.address_hash for one in found]))
            .where(Consent.act == ConsentAct.CONFIRMED, Consent.at >= run.created_at)
        )
    )
    theirs = [id_ for one in found for entry in got[one.id] for id_ in entry.subscriptions]
    ended = session.scalars(
        select(Subscription.destination_id).where(
            Subscription.id.in_(theirs), Subscription.ended_at.is_not(None)
        )
    )
    return {one.id for one in found if one.address_hash in confirmed} | set(ended)


def _end_subscriptions(
    session: Session,
    silent: Mapping[int, Destination],
    entries: Sequence[ImportEntry],
    now: datetime,
) -> int:
    theirs = [id_ for entry in entries for id_ in entry.subscriptions]
    ended = session.scalars(
        update(Subscription)
        .where(Subscription.id.in_(theirs), Subscription.ended_at.is_(None))
        .values(ended_at=now, end_reason=UNDONE)
        .returning(Subscription)
    ).all()
    by_owner = defaultdict[int, list[Subscription]](list)
    for row in sorted(ended, key=lambda row: row.id):
        by_owner[row.destination_id].append(row)
    for destination_id in sorted(by_owner):
        record(session, destination_id, ConsentAct.WITHDRAWN, UNDONE, by_owner[destination_id])
    return len(ended)


def _who_has_no_more(session: Session, found: Sequence[Destination]) -> list[Destination]:
    """Those with nothing live, and no other address or chat."""
    ids = [one.id for one in found]
    live = set(
        session.scalars(
            select(Subscription.destination_id).where(
                Subscription.destination_id.in_(ids), Subscription.ended_at.is_(None)
            )
        )
    )
    people = [one.subscriber_id for one in found if one.subscriber_id is not None]
    others = set(
        session.scalars(
            select(Destination.subscriber_id).where(
                Destination.subscriber_id.in_(people), Destination.id.not_in(ids), is_known()
            )
        )
    )
    return [one for one in found if one.id not in live and one.subscriber_id not in others]


def _end_links(session: Session, entries: Sequence[ImportEntry], now: datetime) -> int:
    """The links of its letters end, and what was not sent yet stays unsent."""
    tokens = [entry.token_id for entry in entries if entry.token_id]
    if not tokens:
        return 0
    letters = [entry.letter_id for entry in entries if entry.letter_id]
    session.execute(
        update(Notification)
        .where(Notification.id.in_(letters), Notification.stopped_at.is_(None))
        .values(stopped_at=now)
        .execution_options(synchronize_session=False)
    )
    ended = session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.id.in_(tokens), OneTimeToken.used_at.is_(None))
        .where(OneTimeToken.expires_at > now)
        .values(expires_at=now)
        .returning(OneTimeToken.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())
