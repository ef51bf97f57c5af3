"""What of a listing is new, whether it is news, and what has to be read in this poll."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from service.ingest.listing import Entry
from service.ingest.pulling.known import chunks, find_known
from service.ingest.pulling.leasing import Poll, check
from service.models import Article, Pull, PullItem, PullState, Source

MAX_NEW = 10  # at once, before staff are asked
MAX_PAGES = 30  # that are fetched in one poll
MAX_FAILURES = 5
REREAD = timedelta(hours=1)  # pages whose listing does not say that they changed
WHILE_NEWS = timedelta(hours=48)
RETRY = timedelta(minutes=10)


@dataclass(frozen=True)
class Work:
    """An entry to be read, and what is remembered of it."""

    entry: Entry
    item: PullItem


@dataclass(frozen=True)
class Admission:
    """`has_more`: the next poll goes on. `listed`: articles that the listing has. `asking`: how
    many were new, where that was too many; none of them is read."""

    work: tuple[Work, ...]
    has_more: bool
    listed: frozenset[int]
    asking: int = 0


def home_of(source: Source, pull: Pull) -> frozenset[str]:
    """Where the articles of this source live: its hosts, else those of the addresses it gave."""
    given = (urlsplit(url).hostname for url in (pull.url, source.base_url))
    return frozenset(source.hosts) or frozenset(host for host in given if host)


def admit(session: Session, poll: Poll, entries: Sequence[Entry], now: datetime) -> Admission:
    """Remember what is new and say what to read, in one transaction.

    The first listing that has anything is the baseline: nobody is ever told of that.

    Raises:
        LeaseLost: the settings changed meanwhile.
    """
    check(session, poll)
    known = _items(session, poll, entries)
    fresh = [entry for entry in entries if entry.key not in known]
    met = find_known(session, poll.source.id, {name for entry in fresh for name in entry.names})
    articles = {entry.key: _first(met, entry) for entry in fresh}
    is_baseline = poll.pull.baseline_at is None
    unmet = sum(found is None for found in articles.values())
    is_asking = not is_baseline and unmet > MAX_NEW
    rows = [_row(poll, entry, articles[entry.key], is_baseline, is_asking) for entry in fresh]
    if is_baseline:
        _skip_old_pages(fresh, rows, now)
    if rows:
        session.execute(insert(PullItem), rows)
        known |= _items(session, poll, fresh)
        _note(session, poll, now, is_baseline=is_baseline, asking=unmet if is_asking else 0)
    work = [Work(e, known[e.key][0]) for e in entries if _is_due(e, *known[e.key], now)]
    listed = frozenset(item.article_id for item, _ in known.values() if item.article_id)
    now_read = tuple(_bounded(work))
    has_more = len(now_read) < len(work)
    return Admission(now_read, has_more, listed, unmet if is_asking else 0)


def give_up_unlisted(session: Session, poll: Poll, entries: Sequence[Entry], now: datetime) -> None:
    """What was never read and is listed no more will not be."""
    pending = session.scalars(select(PullItem.key).where(*_is_pending(poll)))
    gone = set(pending) - {entry.key for entry in entries}
    for keys in chunks(gone):
        session.execute(
            update(PullItem)
            .where(PullItem.source_id == poll.source.id, PullItem.key.in_(keys))
            .values(read_at=now, failures=MAX_FAILURES)
        )


def needs_listing(session: Session, poll: Poll, now: datetime) -> bool:
    """Whether something waits to be read, even if the listing did not change."""
    pending = session.scalar(select(PullItem.key).where(*_is_pending(poll)).limit(1))
    stale = session.scalar(
        select(PullItem.key)
        .join(Article, Article.id == PullItem.article_id)
        .where(PullItem.source_id == poll.source.id, PullItem.version == "")
        .where(PullItem.read_at <= now - REREAD, Article.published_at > now - WHILE_NEWS)
        .limit(1)
    )
    return pending is not None or stale is not None


def decide(session: Session, source_id: int, *, is_news: bool) -> int:
    """Let staff's word count for everything that waits for it; returns how much that was."""
    waiting = session.scalars(
        update(PullItem)
        .where(PullItem.source_id == source_id, PullItem.is_news.is_(None))
        .values(is_news=is_news)
        .returning(PullItem.key)
        .execution_options(synchronize_session=False)
    ).all()
    return len(waiting)


def _is_pending(poll: Poll) -> tuple[Any, ...]:
    return (
        PullItem.source_id == poll.source.id,
        PullItem.is_news.is_not(None),
        or_(PullItem.read_at.is_(None), PullItem.failures.between(1, MAX_FAILURES - 1)),
    )


def _items(
    session: Session, poll: Poll, entries: Iterable[Entry]
) -> dict[str, tuple[PullItem, datetime | None]]:
    found: dict[str, tuple[PullItem, datetime | None]] = {}
    for keys in chunks(entry.key for entry in entries):
        query = (
            select(PullItem, Article.published_at)
            .outerjoin(Article, Article.id == PullItem.article_id)
            .where(PullItem.source_id == poll.source.id, PullItem.key.in_(keys))
        )
        found |= {item.key: (item, at) for item, at in session.execute(query)}
    return found


def _first(met: dict[str, Article], entry: Entry) -> int | None:
    return next((met[name].id for name in sorted(entry.names) if name in met), None)


def _row(
    poll: Poll, entry: Entry, article_id: int | None, is_baseline: bool, is_asking: bool
) -> dict[str, Any]:
    is_news: bool | None = not is_baseline
    if is_asking and article_id is None:
        is_news = None
    return {
        **{"source_id": poll.source.id, "key": entry.key, "article_id": article_id},
        **{"is_news": is_news, "version": "", "read_at": None, "failures": 0},
    }


def _note(session: Session, poll: Poll, now: datetime, *, is_baseline: bool, asking: int) -> None:
    """In the transaction that remembers the items: neither counts without the other."""
    values: dict[str, Any] = {"fresh_at": now}
    if is_baseline:
        values["baseline_at"] = now
    if asking:
        values["state"] = PullState.ASKING
    session.execute(update(Pull).where(Pull.source_id == poll.source.id).values(**values))


def _skip_old_pages(fresh: list[Entry], rows: list[dict[str, Any]], now: datetime) -> None:
    """A sitemap may list the city's last twenty years: of the archive the first pages will do."""
    pages = [(e, row) for e, row in zip(fresh, rows, strict=True) if not e.is_whole]
    for entry, row in pages[MAX_PAGES:]:
        row |= {"version": entry.version, "read_at": now}


def _is_due(entry: Entry, item: PullItem, published_at: datetime | None, now: datetime) -> bool:
    if item.is_news is None:
        return False
    if item.read_at is None:
        return True
    if item.failures and item.version == entry.version:
        waited = item.read_at + RETRY * 2 ** (item.failures - 1) <= now
        return item.failures < MAX_FAILURES and waited
    if entry.version:
        return item.version != entry.version
    is_recent = published_at is not None and published_at > now - WHILE_NEWS
    return is_recent and item.read_at <= now - REREAD


def _bounded(work: list[Work]) -> Iterable[Work]:
    """At most so many pages, those never read before those read again."""
    work.sort(key=lambda one: one.item.read_at is not None)
    pages = 0
    for one in work:
        pages += not one.entry.is_whole
        if one.entry.is_whole or pages <= MAX_PAGES:
            yield one
