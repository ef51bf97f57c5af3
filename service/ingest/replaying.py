"""Events that the inbox has kept, read again: pending ones by a worker, failed ones by staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

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

FORGOTTEN = "its body was forgotten, as every body is after 14 days"


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
    query = select(InboxEvent.id).where(
        InboxEvent.source_id == source.id,
        InboxEvent.verdict == Verdict.FAILED,
        InboxEvent.sealed_body.is_not(None),
    )
    with runtime.db.read() as session:
        found = session.scalars(query.order_by(InboxEvent.id)).all()
    for inbox_id in found:
        outcome = _replay_one(runtime, source, presets, inbox_id)
        if outcome is not None:
            ring_for(runtime, outcome)
            with runtime.db.read() as session:
                row = session.get_one(InboxEvent, inbox_id)
            yield Replayed(inbox_id, row.received_at, outcome.verdict, row.reason)


def _replay_one(
    runtime: Runtime, source: Source, presets: Mapping[str, Preset], inbox_id: int
) -> Outcome | None:
    with runtime.db.read() as session:
        row = session.get_one(InboxEvent, inbox_id)
    event = reread(runtime, row, source, presets)
    return finish(runtime, inbox_id, event, present(runtime.settings), standing=Verdict.FAILED)
