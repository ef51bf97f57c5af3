"""What an event does to the articles it is about, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from service.ingest.claiming import Names, Seen, claim
from service.ingest.mapping import Failed, Ignored, Mapped
from service.ingest.reading import Event
from service.ingest.upsert import Stored, apply
from service.models import Source, Verdict

# What an event of several articles is called after: the first of these that one of them met.
RANK = (
    *(Verdict.PENDING, Verdict.ACCEPTED, Verdict.QUARANTINED, Verdict.UNCHANGED),
    *(Verdict.IGNORED, Verdict.FAILED),
)


class Changed(Exception):
    """An article was changed while its CMS was asked about it; the answer may be older."""


@dataclass(frozen=True)
class Applied:
    """The event's result, and what each of its articles asks of the workers."""

    result: Stored
    stored: tuple[Stored, ...] = ()


def apply_event(
    session: Session,
    source: Source,
    event: Event,
    now: datetime,
    request_id: str,
    expected: Mapping[str, Seen | None] | None = None,
) -> Applied:
    """Apply every article of an event that is whole; the others make it pending.

    `expected`: how the articles stood, by external id, before their CMS was asked.

    Raises:
        Changed: one of them stands otherwise now; roll back and ask again.
    """
    result = event.result
    if source.is_paused:
        return Applied(Stored(Verdict.IGNORED, 0, None, reason="the source is paused"))
    if isinstance(result, Ignored):
        return Applied(Stored(Verdict.IGNORED, 0, None, reason=result.reason))
    if isinstance(result, Failed):
        return Applied(Stored(Verdict.FAILED, 0, None, reason=result.reason))
    stored = _apply_all(session, source, event, result, now, request_id, expected or {})
    first = min(stored, key=lambda one: RANK.index(one.verdict))
    reasons = dict.fromkeys(one.reason for one in stored if one.reason)
    return Applied(replace(first, reason="; ".join(reasons)), tuple(stored))


def _apply_all(
    session: Session,
    source: Source,
    event: Event,
    mapped: Sequence[Mapped],
    now: datetime,
    request_id: str,
    expected: Mapping[str, Seen | None],
) -> list[Stored]:
    """All articles are locked, in one order, before the first is changed."""
    ordered = sorted(mapped, key=lambda item: item.external_id)
    whole = [item for item in ordered if item.article is not None and not item.needs_enrichment]
    claims = [claim(session, source, names_of(item, event), now) for item in whole]
    for item, claimed in zip(whole, claims, strict=True):
        if item.external_id in expected and expected[item.external_id] != claimed.before:
            raise Changed(item.external_id)
    found = [
        Stored(Verdict.PENDING, 0, None, reason="the CMS must be asked for the rest")
        for item in ordered
        if item.needs_enrichment
    ]
    for item, claimed in zip(whole, claims, strict=True):
        assert item.article is not None
        found.append(apply(session, source, claimed, item.article, now, request_id))
    return found


def names_of(item: Mapped, event: Event) -> Names:
    """What the event calls this article."""
    return Names(item.external_id, item.aliases, event.by_url)
