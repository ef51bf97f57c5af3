"""What an event does to the articles it is about, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from service.ingest.article import CanonicalArticle
from service.ingest.claiming import Claim, Names, Seen, claim
from service.ingest.mapping import Failed, Ignored, Mapped
from service.ingest.reading import Event
from service.ingest.upsert import Stored, apply
from service.models import Article, ArticleState, Source, Verdict

# What an event of several articles is called after: the first of these that one of them met.
RANK = (
    *(Verdict.PENDING, Verdict.ACCEPTED, Verdict.QUARANTINED, Verdict.UNCHANGED),
    *(Verdict.IGNORED, Verdict.FAILED),
)


OVERTAKEN = "a later event of its article was applied"
UNTOLD = "received too long ago: nobody is told"


class Changed(Exception):
    """An article was changed while its CMS was asked about it; the answer may be older."""


@dataclass(frozen=True)
class Arrival:
    """When an event came in, and what may have happened since.

    `is_kept`: it was kept in the inbox meanwhile. `is_news`: false, so long that nobody is told.
    `asked_at`: when its CMS was asked for what it leaves out, and `expected`: how those articles
    stood then, by external id.
    """

    received_at: datetime
    is_kept: bool = False
    is_news: bool = True
    asked_at: datetime | None = None
    expected: Mapping[str, Seen | None] = field(default_factory=lambda: MappingProxyType({}))

    def is_overtaken(self, claimed: Claim) -> bool:
        """Whether something newer of this article is stored."""
        return self.is_kept and not claimed.is_new and self.received_at < _heard_at(claimed.article)


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
    arrival: Arrival,
) -> Applied:
    """Apply every article of an event that is whole; the others make it pending.

    Raises:
        Changed: one that its CMS was asked for stands otherwise now; roll back and ask again.
    """
    result = event.result
    if source.is_paused:
        return Applied(Stored(Verdict.IGNORED, 0, None, reason="the source is paused"))
    if isinstance(result, Ignored):
        return Applied(Stored(Verdict.IGNORED, 0, None, reason=result.reason))
    if isinstance(result, Failed):
        return Applied(Stored(Verdict.FAILED, 0, None, reason=result.reason))
    stored = _apply_all(session, source, event, result, now, request_id, arrival)
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
    arrival: Arrival,
) -> list[Stored]:
    """All articles are locked, in one order, before the first is changed."""
    ordered = sorted(mapped, key=lambda item: item.external_id)
    whole = [item for item in ordered if item.article is not None and not item.needs_enrichment]
    claims = [claim(session, source, names_of(item, event), now) for item in whole]
    for item, claimed in zip(whole, claims, strict=True):
        key = item.external_id
        if key in arrival.expected and arrival.expected[key] != claimed.before:
            raise Changed(key)
    found = [
        Stored(Verdict.PENDING, 0, None, reason="the CMS must be asked for the rest")
        for item in ordered
        if item.needs_enrichment
    ]
    for item, claimed in zip(whole, claims, strict=True):
        found.append(_apply_one(session, source, claimed, item, now, request_id, arrival))
    return found


def _apply_one(
    session: Session,
    source: Source,
    claimed: Claim,
    item: Mapped,
    now: datetime,
    request_id: str,
    arrival: Arrival,
) -> Stored:
    """What a CMS was asked for is as new as its answer, all else as the event that brought it."""
    article, incoming, at = claimed.article, item.article, arrival.received_at
    assert incoming is not None
    if arrival.asked_at is not None and item.external_id in arrival.expected:
        at = arrival.asked_at
    elif arrival.is_overtaken(claimed):
        return Stored(Verdict.IGNORED, article.id, article.revision_id, reason=OVERTAKEN)
    elif arrival.is_kept:
        incoming = _dated(incoming, article, at)
    if not arrival.is_news:
        incoming = incoming.model_copy(update={"notify_update": False})
    is_news = arrival.is_news
    stored = apply(session, source, claimed, incoming, now, request_id, is_news=is_news)
    is_first = claimed.is_new and not arrival.is_kept  # as old as its row
    if stored.verdict != Verdict.IGNORED and not is_first:
        article.heard_at = at
    if stored.verdict == Verdict.ACCEPTED and not is_news:
        return replace(stored, reason=stored.reason or UNTOLD)
    return stored


def _dated(incoming: CanonicalArticle, article: Article, at: datetime) -> CanonicalArticle:
    """An event that gives no times is as old as its arrival, not as the moment it is read again."""
    times: dict[str, Any] = {}
    if incoming.updated_at is None:
        times["updated_at"] = at
    if incoming.published_at is None and article.state != ArticleState.PUBLISHED:
        times["published_at"] = at
    return incoming.model_copy(update=times)


def _heard_at(article: Article) -> datetime:
    """A withdrawal by staff or by a poll counts too."""
    heard_at = article.heard_at or article.created_at
    return max(heard_at, article.withdrawn_at or heard_at)


def names_of(item: Mapped, event: Event) -> Names:
    """What the event calls this article."""
    return Names(item.external_id, item.aliases, event.by_url)
