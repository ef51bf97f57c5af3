"""The inbox of a source as staff see it: the newest events, the answers given, one body opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.models import InboxEvent, Pull, Source, Verdict

A_DAY = timedelta(days=1)
MOST_COUNTED = 10_000  # of each verdict; what is more is said as "or more"


@dataclass(frozen=True)
class Activity:
    """What came of a source: its newest event, how many of each verdict since a day ago (at most
    `MOST_COUNTED`), and its pull."""

    last_at: datetime | None
    counts: dict[Verdict, int]
    pull: Pull | None


def activity(session: Session, source_id: int, now: datetime) -> Activity:
    """Each figure from `ix_inbox_looked_at` alone, over a bounded number of its rows."""
    newest = [one.received_at for one in newest_events(session, source_id, limit=1)]
    counts = {}
    for verdict in Verdict:
        found = (
            select(literal(1))
            .select_from(InboxEvent)
            .where(InboxEvent.source_id == source_id, InboxEvent.verdict == verdict)
            .where(InboxEvent.received_at > now - A_DAY)
            .limit(MOST_COUNTED)
            .subquery()
        )
        counts[verdict] = session.scalar(select(func.count()).select_from(found)) or 0
    pull = session.get(Pull, source_id)
    return Activity(newest[0] if newest else None, {v: n for v, n in counts.items() if n}, pull)


def newest_events(
    session: Session,
    source_id: int,
    *,
    verdict: Verdict | None = None,
    before: int | None = None,
    limit: int = 25,
) -> Sequence[InboxEvent]:
    """The newest events, newest first, of one verdict or of all, older than the event `before`.

    Of all: the newest of each verdict, merged, so that one index serves both.
    """
    edge = session.get(InboxEvent, before) if before is not None else None
    found: list[InboxEvent] = []
    for one in (verdict,) if verdict else tuple(Verdict):
        query = (
            select(InboxEvent)
            .where(InboxEvent.source_id == source_id, InboxEvent.verdict == one)
            .order_by(InboxEvent.received_at.desc(), InboxEvent.id.desc())
            .limit(limit)
        )
        if edge is not None:
            key = tuple_(InboxEvent.received_at, InboxEvent.id)
            query = query.where(key < (edge.received_at, edge.id))
        found += session.scalars(query)
    found.sort(key=lambda event: (event.received_at, event.id), reverse=True)
    return found[:limit]


def event_of(session: Session, source_id: int, event_id: int) -> InboxEvent | None:
    """An event of this source; null for none, and for another's."""
    row = session.get(InboxEvent, event_id)
    return row if row is not None and row.source_id == source_id else None


def opened(session: Session, vault: Vault, actor: Actor | None, event: InboxEvent) -> str | None:
    """The body of an event in clear, which is recorded; null where it was forgotten."""
    if event.sealed_body is None:
        return None
    source = session.get_one(Source, event.source_id)
    acts.record(
        session, vault, actor, "source.open-event", source.id, event=event.id, source=source.slug
    )
    return vault.decrypt(event.sealed_body)
