"""One transaction for one delivery: the sender's delivery id, the articles, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ingest.applying import Applied, Arrival, apply_event
from service.ingest.claiming import Seen
from service.ingest.delivery import Delivery, Outcome
from service.ingest.mapping import failures_of, told
from service.ingest.reading import Event
from service.ledger.holding import NEWS_FOR
from service.models import InboxEvent, Source, Verdict
from service.problems import Problem
from service.runtime import Runtime

TAKE_DELIVERY = text("""
    INSERT INTO inbox (source_id, delivery_key, body_hash, verdict, reason, request_id, received_at)
    VALUES (:source, :key, :hash, 'accepted', '', :request, :now)
    ON CONFLICT (source_id, delivery_key) DO NOTHING
    RETURNING id
""")


def store(runtime: Runtime, delivery: Delivery) -> Outcome:
    """Store a delivery, or find that it is known.

    Raises:
        Problem: 409 where its id came before with another body.
    """
    source, event, proven = delivery.source, delivery.event, delivery.proven
    with runtime.db.write() as session:
        values = {"source": source.id, "key": event.delivery_key, "hash": delivery.body_hash}
        received_at = utcnow()
        values |= {"request": delivery.request_id, "now": received_at}
        inbox_id = session.execute(TAKE_DELIVERY, values).scalar()
        if inbox_id is None:
            return _known(session, source, event.delivery_key, delivery.body_hash)
        arrival = Arrival(received_at)
        applied = apply_event(session, source, event, proven.at, delivery.request_id, arrival)
        row = session.get_one(InboxEvent, inbox_id)
        row.sealed_body, row.headers = delivery.sealed_body, dict(event.headers)
        outcome = _record(row, applied, event)
        if source.last_matched != proven.matched:  # last: articles are locked before the source
            session.execute(
                update(Source).where(Source.id == source.id).values(last_matched=proven.matched)
            )
    return outcome


def finish(
    runtime: Runtime,
    inbox_id: int,
    event: Event,
    now: datetime,
    *,
    standing: Verdict = Verdict.PENDING,
    asked_at: datetime | None = None,
    expected: Mapping[str, Seen | None] | None = None,
) -> Outcome | None:
    """Store what became of a kept delivery; null where it is no longer what it was: `standing`.

    Its CMS was asked at `asked_at`, when its articles stood as in `expected`.

    Raises:
        Changed: an article changed while its CMS was asked; nothing was written.
    """
    with runtime.db.write() as session:
        row = session.get(InboxEvent, inbox_id, with_for_update=True)
        if row is None or row.verdict != standing:
            return None
        row.headers = dict(event.headers)
        source = session.get_one(Source, row.source_id)
        is_news = row.received_at > utcnow() - NEWS_FOR
        arrival = Arrival(row.received_at, True, is_news, asked_at, expected or {})
        applied = apply_event(session, source, event, now, row.request_id, arrival)
        return _record(row, applied, event)


def _record(row: InboxEvent, applied: Applied, event: Event) -> Outcome:
    """An event with an article that does not fit has failed, whatever became of the others: when
    it is read again, they are unchanged."""
    result, failures = applied.result, failures_of(event.result)
    if failures and applied.stored and result.verdict != Verdict.PENDING:
        result = replace(result, verdict=Verdict.FAILED, reason=told(failures))
    row.verdict, row.reason = result.verdict, result.reason
    row.article_id, row.revision_id = result.article_id or None, result.revision_id
    row.due_at = row.rung_at = utcnow() if result.verdict == Verdict.PENDING else None
    row.attempts = 0 if result.verdict == Verdict.PENDING else row.attempts
    return Outcome(
        False,
        row.id,
        result.verdict,
        row.article_id,
        row.revision_id,
        applied.stored,
        failures if result.verdict == Verdict.FAILED else (),
    )


def _known(session: Session, source: Source, key: str, digest: str) -> Outcome:
    row = session.scalars(
        select(InboxEvent).where(InboxEvent.source_id == source.id, InboxEvent.delivery_key == key)
    ).one()
    if row.body_hash != digest:
        raise Problem(
            409,
            "Delivery id used twice",
            "This delivery id came before with another body. Give every event an id of its own.",
        )
    return Outcome(True, None, Verdict(row.verdict), row.article_id, row.revision_id)
