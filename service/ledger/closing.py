"""Closing months of the feeds' archives (RFC 5005): what a month holds is frozen, once.

The archives are a log of changes. A month holds what was published in it, and what of earlier
months changed after theirs was closed: so whatever is shown now stands, in its present form, in a
closed month or in none, and what stands in none is in the open part (see `service.feeds.archives`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from service.archive.listings import Month
from service.archive.position import FIRST, moment_of, start_of
from service.db import Database, utcnow
from service.ledger.feed_stamps import next_change, stamp_months
from service.models import ArchivedEntry, ArchiveMonth, Article, FeedClock, Listing
from service.models.listing import ANY

STEP = 500  # articles of one transaction
OLDEST = Month(1970, 1)  # holds what claims to be older, too

_BEGIN = text("""
    INSERT INTO archive_month (number, start, until, since_seq, cursor, begun_at)
    VALUES (:number, :start, :until, :since, :cursor, :now) ON CONFLICT (number) DO NOTHING
""")
# In one statement, so that an article's lists and its text are of one moment.
_FREEZE = text("""
    INSERT INTO archived_entry
        (topic_id, place_id, month, position, article_id, revision_id, updated_at)
    SELECT l.topic_id, l.place_id, :month, l.position, l.article_id, r.id,
           CASE WHEN a.feed_updated_at > r.created_at THEN a.feed_updated_at ELSE r.created_at END
    FROM listing l
    JOIN article a ON a.id = l.article_id
    JOIN revision r ON r.id = a.shown_revision_id
    WHERE l.article_id IN :articles
    ON CONFLICT DO NOTHING
""").bindparams(bindparam("articles", expanding=True))


@dataclass(frozen=True)
class Due:
    """A month that can be closed, and the positions and changes that belong to it."""

    month: Month
    start: int
    until: int

    @property
    def number(self) -> int:
        return number_of(self.month)


def number_of(month: Month) -> int:
    """As rows have it: 202611."""
    return month.year * 100 + month.number


def month_of(number: int) -> Month:
    """What `number_of` numbered."""
    return Month(*divmod(number, 100))


def due(session: Session, zone: ZoneInfo, grace: timedelta, now: datetime) -> Due | None:
    """The oldest month that is not closed and should be: it has articles, and ended `grace` ago.

    One that was begun is due whatever the settings say today.
    """
    last = _newest(session)
    if last is not None and last.closed_seq is None:
        return Due(month_of(last.number), last.start, last.until)
    start = last.until if last else FIRST
    oldest = session.scalar(
        select(func.min(Listing.position))
        .where(Listing.topic_id == ANY, Listing.place_id == ANY)
        .where(Listing.position >= start)
    )
    if oldest is None:
        return None
    at = max(moment_of(oldest), datetime(1970, 1, 2, tzinfo=UTC)).astimezone(zone)
    month = max(Month(at.year, at.month), OLDEST)
    if last is not None:  # a city that moved to another zone closes no month twice
        month = max(month, month_of(last.number).following)
    end = month.following.begin(zone)
    return Due(month, start, start_of(end)) if end + grace <= now else None


def close_due(
    db: Database,
    zone: ZoneInfo,
    grace: timedelta,
    now: datetime,
    on_step: Callable[[Month, int], None] = lambda month, articles: None,
) -> Iterator[Month]:
    """Close what is due, the oldest month first; yields each when it is closed.

    Owns its transactions. Safe twice and at once, and goes on where a killed one stopped.
    `on_step` is told how many articles each transaction froze.
    """
    while True:
        with db.read() as session:
            found = due(session, zone, grace, now)
        if found is None:
            return
        _begin(db, found, now)
        while (frozen := _step(db, found.number)) is not None:
            on_step(found.month, frozen)
        yield found.month


def _begin(db: Database, found: Due, now: datetime) -> None:
    with db.write() as session:
        values = {"number": found.number, "start": found.start, "until": found.until, "now": now}
        # What changes from here on, while articles are frozen, counts as changed afterwards.
        since = session.scalars(select(FeedClock.seq)).one()
        session.execute(_BEGIN, {**values, "since": since, "cursor": FIRST})


def _step(db: Database, number: int) -> int | None:
    """Freeze some articles, or mark the month as closed if none is left; None: it is closed."""
    with db.write() as session:
        month = session.get_one(ArchiveMonth, number, with_for_update=True)
        if month.closed_seq is not None:
            return None
        found = _next(session, month)
        if found:
            articles = [row.article_id for row in found]
            session.execute(_FREEZE, {"month": number, "articles": articles})
            month.cursor = found[-1].position
        if len(found) < STEP:
            _mark_closed(session, month)
        return len(found)


def _mark_closed(session: Session, month: ArchiveMonth) -> None:
    """With a number of the feed clock: every feed has another `prev-archive` now."""
    session.flush()
    seq, at = next_change(session, utcnow())
    month.closed_seq = month.changed_seq = seq
    month.closed_at = month.changed_at = at


def _next(session: Session, month: ArchiveMonth) -> list[Row[int, int]]:
    """The next articles by position: what changed late stands before what is the month's own."""
    every = (
        select(Listing.position, Listing.article_id)
        .where(Listing.topic_id == ANY, Listing.place_id == ANY)
        .where(Listing.position > month.cursor)
        .order_by(Listing.position)
    )
    late = every.where(Listing.position < month.start, Listing.seq > _since(session, month.number))
    found = list(session.execute(late.limit(STEP)))
    own = every.where(Listing.position >= month.start, Listing.position < month.until)
    return found + list(session.execute(own.limit(STEP - len(found))))


def _since(session: Session, number: int) -> int:
    """The number of the feed clock when the month before was begun."""
    before = select(func.max(ArchiveMonth.since_seq)).where(ArchiveMonth.number < number)
    return session.scalar(before) or 0


def _newest(session: Session) -> ArchiveMonth | None:
    return session.scalar(select(ArchiveMonth).order_by(ArchiveMonth.number.desc()).limit(1))


@dataclass(frozen=True)
class ClosedMonth:
    """A month as an operator sees it. `closed_at` is null while it is being closed."""

    month: Month
    articles: int
    closed_at: datetime | None
    changed_at: datetime | None

    @property
    def has_changed(self) -> bool:
        """Something of it was withdrawn, came back or was rewritten since it was closed."""
        return self.changed_at != self.closed_at


def closed_months(session: Session) -> list[ClosedMonth]:
    """All months that are closed or being closed, the newest first."""
    counted = (
        select(ArchivedEntry.month, func.count().label("articles"))
        .where(ArchivedEntry.topic_id == ANY, ArchivedEntry.place_id == ANY)
        .group_by(ArchivedEntry.month)
        .subquery()
    )
    found = session.execute(
        select(ArchiveMonth, func.coalesce(counted.c.articles, 0))
        .outerjoin(counted, counted.c.month == ArchiveMonth.number)
        .order_by(ArchiveMonth.number.desc())
    )
    return [
        ClosedMonth(month_of(one.number), articles, one.closed_at, one.changed_at)
        for one, articles in found
    ]


def rewrite(session: Session, article_id: int, now: datetime) -> int:
    """Let closed months say of an article what it says today, in the lists that it was in; returns
    how many months hold it. Only personal data in the old text is a reason."""
    article = session.get(Article, article_id, with_for_update=True)
    if article is None or article.shown_revision_id is None:
        return 0
    held = ArchivedEntry.article_id == article_id
    months = session.scalar(select(func.count(ArchivedEntry.month.distinct())).where(held)) or 0
    if months:
        values = {"revision_id": article.shown_revision_id, "updated_at": now}
        session.execute(update(ArchivedEntry).where(held).values(values))
        stamp_months(session, article_id, *next_change(session, now))
    return months
