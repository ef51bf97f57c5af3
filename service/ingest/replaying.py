"""Events that the inbox has kept, read again: pending ones by a worker, failed ones by staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from service.ingest.clock import present
from service.ingest.context import kept_headers
from service.ingest.delivery import Outcome
from service.ingest.mapping import Failed
from service.ingest.payload import parse_event
from service.ingest.presets import Preset
from service.ingest.reading import Event, read_result
from service.ingest.ringing import ring_for
from service.ingest.storing import finish
from service.models import InboxEvent, Source, Verdict
from service.runtime import Runtime

SOME = 100  # events that are looked up at once
FORGOTTEN = "its body was forgotten, as every body is after 14 days"

MEANWHILE = "somebody else read it again meanwhile"


@dataclass(frozen=True)
class Replayed:
    """One event that was read again, and what became of it."""

    inbox_id: int
    received_at: datetime
    verdict: Verdict
    reason: str


def reread(
    runtime: Runtime, row: InboxEvent, source: Source, presets: Mapping[str, Preset]
) -> Event:
    """What a kept event says by today's preset."""
    preset = presets.get(source.preset)
    if preset is None:
        return failed(row, f"there is no preset {source.preset!r}")
    if row.sealed_body is None:
        return failed(row, FORGOTTEN)
    headers = row.headers or {}
    sealed = runtime.vault.decrypt(row.sealed_body).encode()
    body = parse_event(sealed, headers.get("content-type", ""))
    result = read_result(preset, source, headers, body)
    kept = headers if isinstance(result, Failed) else kept_headers(preset, headers)
    return Event(row.delivery_key, kept, result, by_url=not preset.is_strict)


def failed(row: InboxEvent, reason: str) -> Event:
    """An event that says nothing, and why."""
    return Event(row.delivery_key, row.headers or {}, Failed(reason), by_url=False)


def replay_failed(
    runtime: Runtime, source: Source, presets: Mapping[str, Preset]
) -> Iterator[Replayed]:
    """Read a source's failed events again, in the order in which they came.

    Each in a transaction of its own. For a thin one the workers ask the CMS.
    """
    after: tuple[datetime | None, int] = (None, 0)
    while found := list(replay_some(runtime, source, presets, after, SOME)):
        yield from found
        after = (found[-1].received_at, found[-1].inbox_id)


def replay_some(
    runtime: Runtime,
    source: Source,
    presets: Mapping[str, Preset],
    after: tuple[datetime | None, int],
    limit: int,
) -> Iterator[Replayed]:
    """The next failed events after one that came at this moment and has this id."""
    query = select(InboxEvent.id, InboxEvent.received_at).where(
        InboxEvent.source_id == source.id,
        InboxEvent.verdict == Verdict.FAILED,
        InboxEvent.sealed_body.is_not(None),
    )
    if after[0] is not None:
        query = query.where(tuple_(InboxEvent.received_at, InboxEvent.id) > after)
    with runtime.db.read() as session:
        ordered = query.order_by(InboxEvent.received_at, InboxEvent.id).limit(limit)
        found = session.execute(ordered).all()
    for inbox_id, received_at in found:
        outcome = _replay_one(runtime, source, presets, inbox_id)
        if outcome is None:
            yield Replayed(inbox_id, received_at, Verdict.FAILED, MEANWHILE)
            continue
        ring_for(runtime, outcome)
        with runtime.db.read() as session:
            row = session.get_one(InboxEvent, inbox_id)
        yield Replayed(inbox_id, received_at, outcome.verdict, row.reason)


def _replay_one(
    runtime: Runtime, source: Source, presets: Mapping[str, Preset], inbox_id: int
) -> Outcome | None:
    with runtime.db.read() as session:
        row = session.get_one(InboxEvent, inbox_id)
    event = reread(runtime, row, source, presets)
    return finish(runtime, inbox_id, event, present(runtime.settings), standing=Verdict.FAILED)
