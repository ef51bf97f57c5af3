"""Articles that are no longer listed. That alone withdraws none: their own page must say 404 or 410
twice, ten minutes apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from service.ingest.article import CanonicalArticle
from service.ingest.claiming import Names, claim
from service.ingest.listing.entry import key_of
from service.ingest.pulling.admitting import REREAD
from service.ingest.pulling.leasing import Poll, check
from service.ingest.upsert import apply
from service.models import Article, ArticleState, PullItem, Revision

RECENT = timedelta(days=7)
BETWEEN = timedelta(minutes=10)  # the two answers that withdraw
MAX_SUSPECTS = 5  # pages asked for in one poll
GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Suspect:
    """A recent article that is not where it should be listed."""

    article_id: int
    url: str


def suspects(
    session: Session, poll: Poll, listed: Collection[int] | None, now: datetime
) -> list[Suspect]:
    """Whose page to ask for, those with one 404 first, then those asked for longest ago.

    `listed`: articles that the listing has; null, the listing did not tell.
    """
    query = (
        select(Article.id, Article.missing_at, Revision.url, PullItem.read_at)
        .join(Revision, Revision.id == Article.revision_id)
        .outerjoin(PullItem, PullItem.article_id == Article.id)
        .where(Article.source_id == poll.source.id, Article.state == ArticleState.PUBLISHED)
        .where(Article.published_at > now - RECENT)
    )
    found: dict[int, tuple[bool, datetime, Suspect]] = {}
    for article_id, missing_at, url, read_at in session.execute(query):
        is_second = missing_at is not None and missing_at <= now - BETWEEN
        is_unlisted = listed is not None and article_id not in listed
        is_first = (
            is_unlisted and missing_at is None and (read_at is None or read_at <= now - REREAD)
        )
        if is_second or is_first:
            asked_at = read_at or poll.source.created_at
            found[article_id] = (not is_second, asked_at, Suspect(article_id, url))
    ordered = sorted(found.values(), key=lambda one: one[:2])
    return [suspect for *_, suspect in ordered[:MAX_SUSPECTS]]


def note_answer(
    session: Session, poll: Poll, suspect: Suspect, status: int, now: datetime, request_id: str
) -> bool:
    """What the article's own page answered; True where this withdrew it."""
    check(session, poll)
    _note_asked(session, poll, suspect, now)
    article = session.get_one(Article, suspect.article_id, with_for_update=True)
    if status not in GONE:
        if status == 200:
            article.missing_at = None
        return False
    if article.state != ArticleState.PUBLISHED:
        return False
    if article.missing_at is None:
        article.missing_at = now
        return False
    if article.missing_at > now - BETWEEN:
        return False
    _withdraw(session, poll, article, now, request_id)
    return True


def note_listed(session: Session, listed: Collection[int]) -> None:
    """What is listed with its whole text is not missing."""
    session.execute(
        update(Article)
        .where(Article.id.in_(sorted(listed)), Article.missing_at.is_not(None))
        .values(missing_at=None)
        .execution_options(synchronize_session=False)
    )


def _withdraw(
    session: Session, poll: Poll, article: Article, now: datetime, request_id: str
) -> None:
    """By the upsert, so that feeds get a tombstone and unsent deliveries stop. Should the page
    come back, its item is read as if for the first time."""
    claimed = claim(session, poll.source, Names(article.external_id), now)
    withdrawn = CanonicalArticle(id=article.external_id, state="withdrawn")
    claimed.article.missing_at = None
    apply(session, poll.source, claimed, withdrawn, now, request_id)
    session.execute(
        update(PullItem)
        .where(PullItem.article_id == article.id)
        .values(version="", read_at=now, failures=0)
        .execution_options(synchronize_session=False)
    )


def _note_asked(session: Session, poll: Poll, suspect: Suspect, now: datetime) -> None:
    """An article that was only ever pushed gets an item too, to remember when it was asked for."""
    marked = session.execute(
        update(PullItem)
        .where(PullItem.article_id == suspect.article_id)
        .values(read_at=now)
        .returning(PullItem.key)
        .execution_options(synchronize_session=False)
    ).first()
    if marked is None:
        insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
        values = {"source_id": poll.source.id, "key": key_of(suspect.url), "version": ""}
        values |= {"article_id": suspect.article_id, "is_news": True, "failures": 0, "read_at": now}
        session.execute(insert(PullItem).values(**values).on_conflict_do_nothing())
