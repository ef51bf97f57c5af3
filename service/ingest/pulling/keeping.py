"""What becomes of one entry that was read: the same upsert as for an article that was pushed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.ingest.article import CanonicalArticle, in_zone
from service.ingest.claiming import Names, claim
from service.ingest.drafting import Alias
from service.ingest.mapping import Mapped
from service.ingest.pulling.admitting import Work
from service.ingest.pulling.known import find_known
from service.ingest.pulling.leasing import Poll, check
from service.ingest.upsert import apply
from service.models import (
    Article,
    ArticleState,
    InboxEvent,
    Pull,
    PullItem,
    Revision,
    Verdict,
)


@dataclass(frozen=True)
class Kept:
    """`waiting`: a revision to classify. `is_found`: the poll brought it first."""

    waiting: int | None = None
    is_found: bool = False


def keep(
    session: Session, poll: Poll, work: Work, mapped: Mapped, now: datetime, request_id: str
) -> Kept:
    """Store one article, meeting the one that a push brought.

    Raises:
        LeaseLost: the settings changed meanwhile.
    """
    check(session, poll)
    incoming, source = mapped.article, poll.source
    assert incoming is not None
    known = _known(session, poll, work, mapped)
    if known is None and incoming.state != "published":
        _mark(session, poll, work, now, None)
        return Kept()
    if known is not None and not _may_change(session, known, incoming, source.timezone):
        _mark(session, poll, work, now, known.id)
        return Kept()
    aliases = (*mapped.aliases, Alias("id", mapped.external_id))
    external_id = known.external_id if known is not None else mapped.external_id
    claimed = claim(session, source, Names(external_id, aliases), now)
    is_news, was_public = bool(work.item.is_news), claimed.article.revision_id is not None
    stored = apply(session, source, claimed, incoming, now, request_id, is_news=is_news)
    claimed.article.missing_at = None
    if stored.verdict != Verdict.IGNORED:
        claimed.article.heard_at = now
    _mark(session, poll, work, now, claimed.article.id)
    is_found = is_news and not was_public and stored.verdict == Verdict.ACCEPTED
    if is_found:
        _count(session, poll)
    return Kept(stored.waiting, is_found)


def put_off(session: Session, poll: Poll, work: Work, now: datetime) -> int:
    """An entry that could not be read: later again, a few times. Returns how often it failed."""
    check(session, poll)
    same = work.item.version == work.entry.version
    failures = work.item.failures + 1 if same or not work.item.failures else 1
    _update(session, poll, work, version=work.entry.version, read_at=now, failures=failures)
    return failures


def _known(session: Session, poll: Poll, work: Work, mapped: Mapped) -> Article | None:
    if work.item.article_id is not None:
        return session.get(Article, work.item.article_id)
    names = {work.entry.url, mapped.external_id, *(alias.value for alias in mapped.aliases)} - {""}
    found = find_known(session, poll.source.id, names)
    return next((found[name] for name in sorted(names) if name in found), None)


def _may_change(
    session: Session, article: Article, incoming: CanonicalArticle, timezone: str
) -> bool:
    """What was pushed is changed only by what is newer for sure: a listing may be cached, and a
    feed knows less of an article than its CMS does."""
    pushed = session.scalar(
        select(InboxEvent.id).where(InboxEvent.article_id == article.id).limit(1)
    )
    if pushed is None or article.revision_id is None:
        return True  # ours, or a draft whose publication was never pushed
    changed_at = in_zone(incoming.updated_at, timezone)
    stored_at = article.source_updated_at or session.scalar(
        select(Revision.created_at).where(Revision.id == article.revision_id)
    )
    if article.state == ArticleState.WITHDRAWN:
        stored_at = max(filter(None, (article.withdrawn_at, stored_at)), default=None)
    return changed_at is not None and (stored_at is None or changed_at > stored_at)


def _mark(session: Session, poll: Poll, work: Work, now: datetime, article_id: int | None) -> None:
    values = {"version": work.entry.version, "read_at": now, "failures": 0}
    _update(session, poll, work, article_id=article_id, **values)


def _update(session: Session, poll: Poll, work: Work, **values: object) -> None:
    session.execute(
        update(PullItem)
        .where(PullItem.source_id == poll.source.id, PullItem.key == work.entry.key)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _count(session: Session, poll: Poll) -> None:
    """Missed by push: only where the source does push."""
    pushes = session.scalar(
        select(InboxEvent.id)
        .where(InboxEvent.source_id == poll.source.id, InboxEvent.verdict == Verdict.ACCEPTED)
        .limit(1)
    )
    session.execute(
        update(Pull)
        .where(Pull.source_id == poll.source.id)
        .values(found=Pull.found + 1, missed=Pull.missed + (1 if pushes is not None else 0))
        .execution_options(synchronize_session=False)
    )
