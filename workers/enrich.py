"""Enrichment: takes up events that are pending, and asks the CMS for what they leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from service.db import rows, utcnow
from service.ingest.applying import Changed, names_of
from service.ingest.claiming import Seen, seen
from service.ingest.clock import present
from service.ingest.delivery import Outcome
from service.ingest.enriching import Unready, enrich
from service.ingest.mapping import Failed, Mapped
from service.ingest.presets import Preset, load_presets
from service.ingest.reading import Event
from service.ingest.replaying import failed, reread
from service.ingest.ringing import ring_for
from service.ingest.storing import finish
from service.logs import bind, get_logger
from service.models import ArticleState, InboxEvent, Source, Verdict
from service.outbound import FetchFailed, FetchRefused
from service.runtime import Runtime
from service.turns import NotNow, Turn

log = get_logger(__name__)

LEASE = timedelta(minutes=12)  # above the task time limit: nobody else asks meanwhile
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
MAX_ATTEMPTS = 30  # about a day
EARLY = timedelta(minutes=10)  # after an event, in which a CMS may not have its article yet


def enrich_event(runtime: Runtime, inbox_id: int) -> None:
    """Read a pending event again, ask the CMS where it is thin, and store what became of it."""
    with runtime.db.read() as session:
        source_id = session.scalar(select(InboxEvent.source_id).where(*_is_due(inbox_id, utcnow())))
    if source_id is None:
        return
    try:
        with runtime.turns.of(source_id) as turn:
            with runtime.db.write() as session:
                taken = _take(session, inbox_id, utcnow())
            if taken is not None:
                bind(inbox_id=inbox_id, request_id=taken[0].request_id)
                _enrich(runtime, *taken, turn)
    except NotNow as error:
        _put_off(runtime, inbox_id, error.wait)


def _enrich(runtime: Runtime, row: InboxEvent, source: Source, turn: Turn) -> None:
    try:
        outcome = _read_and_store(runtime, row, source)
    except Changed:
        _wait(runtime, row, timedelta(0), "the article changed while its CMS was asked")
    except FetchFailed as error:
        turn.is_away = not isinstance(error, Unready)
        asked_for = timedelta(seconds=min(error.retry_after_s or 0, LONGEST_WAIT.total_seconds()))
        _wait(runtime, row, max(asked_for, _backoff(row.attempts)), str(error))
    else:
        if outcome is not None:
            log.info("enriched", inbox_id=row.id, source=source.slug, verdict=outcome.verdict.value)
            ring_for(runtime, outcome)


def _take(session: Session, inbox_id: int, now: datetime) -> tuple[InboxEvent, Source] | None:
    """One worker at a time; one that dies leaves the event to the next after the lease."""
    taken = rows(
        session,
        update(InboxEvent)
        .where(*_is_due(inbox_id, now))
        .values(due_at=now + LEASE, attempts=InboxEvent.attempts + 1),
    )
    if not taken:
        return None
    row = session.get_one(InboxEvent, inbox_id)
    return row, session.get_one(Source, row.source_id)


def _read_and_store(runtime: Runtime, row: InboxEvent, source: Source) -> Outcome | None:
    presets = _presets(runtime.settings.config_dir / "presets")
    asked_at = utcnow()
    expected: dict[str, Seen | None] = {}
    if row.attempts > MAX_ATTEMPTS:
        event = failed(row, row.reason)
    else:
        event = reread(runtime, row, source, presets)
    try:
        is_early = asked_at < row.received_at + EARLY
        event = _completed(runtime, source, presets, event, expected, is_early)
    except FetchRefused as error:
        event = failed(row, str(error))
    if isinstance(event.result, Failed):
        log.error("event given up", inbox_id=row.id, reason=event.result.reason)
    now = present(runtime.settings)
    return finish(runtime, row.id, event, now, asked_at=asked_at, expected=expected)


def _completed(
    runtime: Runtime,
    source: Source,
    presets: Mapping[str, Preset],
    event: Event,
    expected: dict[str, Seen | None],
    is_early: bool,
) -> Event:
    """The event with what was fetched for its thin articles; fills `expected` before each fetch."""
    if not isinstance(event.result, list):
        return event
    articles: list[Mapped] = []
    for item in event.result:
        if item.needs_enrichment:
            found, expected[item.external_id] = _asked(
                runtime, source, presets, event, item, is_early
            )
            if isinstance(found, Failed):
                return replace(event, result=found)
            item = found
        articles.append(item)
    return replace(event, result=articles)


def _asked(
    runtime: Runtime,
    source: Source,
    presets: Mapping[str, Preset],
    event: Event,
    item: Mapped,
    is_early: bool,
) -> tuple[Mapped | Failed, Seen | None]:
    """An article in its CMS's own words, and how ours stood before these were asked for.

    The answer may bring names by which we know the article after all; then they are asked again.
    """

    def stands(item: Mapped) -> Seen | None:
        with runtime.db.read() as session:
            return seen(session, source, names_of(item, event))

    def ask() -> Mapped | Failed:
        # What is public with us is taken back at once, unless the event says that it is public.
        is_public = before is not None and before.state == ArticleState.PUBLISHED
        may_wait = is_early and (item.state == "published" or not is_public)
        return enrich(runtime.settings, runtime.vault, source, presets, item, is_early=may_wait)

    before = stands(item)
    found = ask()
    if before is None and isinstance(found, Mapped) and (before := stands(found)) is not None:
        found = ask()
    return found, before


def _wait(runtime: Runtime, row: InboxEvent, wait: timedelta, reason: str) -> None:
    log.warning("event waits", inbox_id=row.id, reason=reason, wait_s=wait.total_seconds())
    with runtime.db.write() as session:
        session.execute(
            update(InboxEvent)
            .where(InboxEvent.id == row.id, InboxEvent.verdict == Verdict.PENDING)
            .values(due_at=utcnow() + wait, reason=reason)
        )


def _put_off(runtime: Runtime, inbox_id: int, wait: timedelta) -> None:
    """Nobody was asked: no attempt of this event's own is used up."""
    now = utcnow()
    with runtime.db.write() as session:
        session.execute(update(InboxEvent).where(*_is_due(inbox_id, now)).values(due_at=now + wait))


def _is_due(inbox_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        InboxEvent.id == inbox_id,
        InboxEvent.verdict == Verdict.PENDING,
        InboxEvent.due_at <= now,
    )


def _backoff(attempts: int) -> timedelta:
    """30 s, doubled with every try, an hour at most."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 10)), LONGEST_WAIT)


@lru_cache(maxsize=2)
def _presets(folder: Path) -> dict[str, Preset]:
    """Read once a process, as the door does."""
    return load_presets(folder)
