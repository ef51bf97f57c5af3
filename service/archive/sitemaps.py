"""What the sitemaps list: ranges of the archive, and when what they list last changed.

A month of the archive is one part or several, each a bounded range of the listing's key (ADR 38).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.archive.address import slug_of
from service.archive.listings import Month, first_month
from service.archive.position import moment_of, start_of
from service.models import (
    Article,
    ArticleState,
    FeedClock,
    FeedStamp,
    Listing,
    Revision,
)
from service.models.listing import ANY

NEWS_FOR = timedelta(hours=48)  # what counts as news (Google's news sitemaps)
SECOND = timedelta(seconds=1)
MOST_LOOKED_AT = 5000  # articles of those hours


@dataclass(frozen=True)
class Change:
    """The last change that readers may see: its number of the feed clock, and when it was; null
    where nothing ever was public."""

    seq: int
    at: datetime | None


@dataclass(frozen=True)
class MonthRange:
    """A month that has articles, and when one of them last changed, came or went."""

    month: Month
    articles: int
    changed_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """An article of a range. `url` is the city's own address, whatever it holds; `edited_at` is
    when its text came in, `changed_at` when anything on our page of it changed."""

    article_id: int
    slug: str
    url: str
    title: str
    language: str
    published_at: datetime
    edited_at: datetime
    changed_at: datetime | None


def last_change(session: Session) -> Change:
    """Read it before what it vouches for: what changes meanwhile has a higher number."""
    seq = session.scalar(select(FeedClock.seq)) or 0
    newest = select(Article.feed_at).where(Article.feed_seq.is_not(None))
    return Change(seq, session.scalar(newest.order_by(Article.feed_seq.desc()).limit(1)))


def months(session: Session, zone: ZoneInfo) -> Iterator[MonthRange]:
    """Every month that has articles, the oldest first: each a range of the key, counted."""
    month, last = first_month(session, zone), _last_month(session, zone)
    gone = _gone(session, zone)
    while month is not None and last is not None and month <= last:
        articles, changed_at = _counted(session, zone, month)
        if articles:
            yield MonthRange(month, articles, _latest(changed_at, gone.get(month)))
        month = month.following


def month_changed(session: Session, zone: ZoneInfo, month: Month) -> datetime | None:
    """When an article of a month last changed, came or went; null for one that never had any."""
    return _latest(_counted(session, zone, month)[1], _gone(session, zone).get(month))


def of_month(
    session: Session, zone: ZoneInfo, month: Month, offset: int, size: int
) -> list[Listed]:
    """A range of a month's articles, the oldest first."""
    wanted = _articles().where(*_in(month, zone)).order_by(Listing.position)
    return _listed(session, wanted.offset(offset).limit(size))


def news(session: Session, now: datetime) -> list[Listed]:
    """What was published in the last two days, the newest first."""
    wanted = (
        _articles()
        .where(Listing.topic_id == ANY, Listing.place_id == ANY)
        .where(
            Listing.position > start_of(now - NEWS_FOR), Listing.position < start_of(now + SECOND)
        )
        .order_by(Listing.position.desc())
    )
    return _listed(session, wanted.limit(MOST_LOOKED_AT))


def topics_changed(session: Session) -> dict[int, datetime]:
    """When the list of each topic that has articles last changed: one came, went or is another."""
    return _changed(session, FeedStamp.topic_id, FeedStamp.place_id)


def places_changed(session: Session) -> dict[int, datetime]:
    """The same of the lists of places."""
    return _changed(session, FeedStamp.place_id, FeedStamp.topic_id)


def _changed(
    session: Session, column: InstrumentedAttribute[int], other: InstrumentedAttribute[int]
) -> dict[int, datetime]:
    has_articles = (
        select(Listing.article_id)
        .where(Listing.topic_id == FeedStamp.topic_id, Listing.place_id == FeedStamp.place_id)
        .exists()
    )
    found = select(column, FeedStamp.at).where(column > ANY, other == ANY, has_articles)
    return dict(session.execute(found).all())


def _counted(session: Session, zone: ZoneInfo, month: Month) -> tuple[int, datetime | None]:
    found = session.execute(
        select(func.count(), func.max(Article.feed_at))
        .select_from(Listing)
        .join(Article, Article.id == Listing.article_id)
        .where(*_in(month, zone))
    ).one()
    return found[0], found[1]


def _articles() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Article.id,
            Revision.url,
            Revision.title,
            Revision.language,
            func.coalesce(Article.published_at, Article.created_at).label("published_at"),
            Revision.created_at,
            Article.feed_at,
        )
        .join(Listing, Listing.article_id == Article.id)
        .join(Revision, Revision.id == Article.shown_revision_id)
    )


def _listed(session: Session, wanted: Select[*tuple[Any, ...]]) -> list[Listed]:
    return [
        Listed(
            article_id=row.id,
            slug=slug_of(row.title),
            url=row.url,
            title=row.title,
            language=row.language,
            published_at=row.published_at,
            edited_at=row.created_at,
            changed_at=row.feed_at,
        )
        for row in session.execute(wanted)
    ]


def _in(month: Month, zone: ZoneInfo) -> tuple[ColumnElement[bool], ...]:
    return (
        Listing.topic_id == ANY,
        Listing.place_id == ANY,
        Listing.position >= start_of(month.begin(zone)),
        Listing.position < start_of(month.following.begin(zone)),
    )


def _last_month(session: Session, zone: ZoneInfo) -> Month | None:
    newest = session.scalar(
        select(func.max(Listing.position)).where(Listing.topic_id == ANY, Listing.place_id == ANY)
    )
    return None if newest is None else _month_of(moment_of(newest), zone)


def _gone(session: Session, zone: ZoneInfo) -> dict[Month, datetime]:
    """By month of publication, when an article of it was last withdrawn."""
    found: dict[Month, datetime] = {}
    for published_at, created_at, at in session.execute(
        select(Article.published_at, Article.created_at, Article.feed_at)
        .where(Article.state == ArticleState.WITHDRAWN, Article.feed_at.is_not(None))
        .order_by(Article.id)
        .execution_options(yield_per=1000)
    ):
        month = _month_of(published_at or created_at, zone)
        if at:
            found[month] = max(at, found.get(month, at))
    return found


def _month_of(at: datetime, zone: ZoneInfo) -> Month:
    local = at.astimezone(zone)
    return Month(local.year, local.month)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one), default=None)
