"""One transaction for one delivery: the sender's delivery id, the articles, the verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ingest.claiming import Names, claim
from service.ingest.mapping import Failed, Ignored, Mapped
from service.ingest.proving import Proven
from service.ingest.reading import Event
from service.ingest.upsert import Stored, apply
from service.models import InboxEvent, Source, Verdict
from service.problems import Problem
from service.runtime import Runtime

# What an event of several articles is called after: the first of these that one of them met.
RANK = (
    *(Verdict.PENDING, Verdict.ACCEPTED, Verdict.QUARANTINED, Verdict.UNCHANGED),
    *(Verdict.IGNORED, Verdict.FAILED),
)

TAKE_DELIVERY = text("""
    INSERT INTO inbox (source_id, delivery_key, body_hash, verdict, reason, request_id, received_at)
    VALUES (:source, :key, :hash, 'accepted', '', :request, :now)
    ON CONFLICT (source_id, delivery_key) DO NOTHING
    RETURNING id
""")


@dataclass(frozen=True)
class Outcome:
    """`waiting`: revisions that a worker should classify, each with whether it is urgent."""

    is_known: bool
    verdict: Verdict
    article_id: int | None
    revision_id: int | None
    waiting: tuple[tuple[int, bool], ...] = ()


def store(runtime: Runtime, proven: Proven, event: Event, request_id: str) -> Outcome:
    """Store a delivery, or find that it is known.

    Raises:
        Problem: 409 where its id came before with another body.
    """
    source, digest = proven.source, hashlib.sha256(proven.body).hexdigest()
    sealed = runtime.vault.encrypt(proven.body.decode("utf-8"))
    with runtime.db.write() as session:
        values = {"source": source.id, "key": event.delivery_key, "hash": digest}
        values |= {"request": request_id, "now": utcnow()}
        inbox_id = session.execute(TAKE_DELIVERY, values).scalar()
        if inbox_id is None:
            return _known(session, source, event.delivery_key, digest)
        stored, waiting = _follow(session, source, event, proven.at, request_id)
        row = session.get_one(InboxEvent, inbox_id)
        row.sealed_body, row.headers = sealed, dict(event.headers)
        row.verdict, row.reason = stored.verdict, stored.reason
        row.article_id, row.revision_id = stored.article_id or None, stored.revision_id
        if source.last_matched != proven.matched:  # last: articles are locked before the source
            session.execute(
                update(Source).where(Source.id == source.id).values(last_matched=proven.matched)
            )
    return Outcome(False, stored.verdict, stored.article_id or None, stored.revision_id, waiting)


def _follow(
    session: Session, source: Source, event: Event, now: datetime, request_id: str
) -> tuple[Stored, tuple[tuple[int, bool], ...]]:
    result = event.result
    if source.is_paused:
        return Stored(Verdict.IGNORED, 0, None, reason="the source is paused"), ()
    if isinstance(result, Ignored):
        return Stored(Verdict.IGNORED, 0, None, reason=result.reason), ()
    if isinstance(result, Failed):
        return Stored(Verdict.FAILED, 0, None, reason=result.reason), ()
    found = _apply_all(session, source, event, result, now, request_id)
    waiting = tuple(
        (stored.waiting, mapped.article is not None and mapped.article.urgent)
        for mapped, stored in found
        if stored.waiting is not None
    )
    first = min((stored for _, stored in found), key=lambda stored: RANK.index(stored.verdict))
    reasons = dict.fromkeys(stored.reason for _, stored in found if stored.reason)
    return replace(first, reason="; ".join(reasons)), waiting


def _apply_all(
    session: Session,
    source: Source,
    event: Event,
    mapped: Sequence[Mapped],
    now: datetime,
    request_id: str,
) -> list[tuple[Mapped, Stored]]:
    """Every article of the event; all are locked, in one order, before the first is changed."""
    ordered = sorted(mapped, key=lambda item: item.external_id)
    whole = [item for item in ordered if item.article is not None and not item.needs_enrichment]
    claims = [
        claim(session, source, Names(item.external_id, item.aliases, event.by_url), now)
        for item in whole
    ]
    found = [
        (item, Stored(Verdict.PENDING, 0, None, reason="the CMS must be asked for the rest"))
        for item in ordered
        if item.needs_enrichment
    ]
    for item, claimed in zip(whole, claims, strict=True):
        assert item.article is not None
        found.append((item, apply(session, source, claimed, item.article, now, request_id)))
    return found


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
    return Outcome(True, Verdict(row.verdict), row.article_id, row.revision_id)
