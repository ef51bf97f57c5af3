"""What the documents of an archive hold: read from what is shown now, or from what was frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from service.archive.listings import Month
from service.feeds import entries as reading
from service.feeds.clock import Closed, FeedState, Named, Pair
from service.feeds.entries import Entry, Withdrawn
from service.ledger.closing import month_of, number_of
from service.models import ArchivedEntry, Article, Listing, Revision
from service.models.listing import ANY

Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Stood:
    """An article of an open part, by where it stands in its lists."""

    position: int
    article_id: int


@dataclass(frozen=True)
class Frozen:
    """An article of a closed month, and what it said then."""

    position: int
    article_id: int
    revision_id: int
    updated_at: datetime


def open_part(
    session: Session, pairs: Sequence[Pair], closed: Closed, before: int, limit: int
) -> list[Stood]:
    """The newest articles before a position that no closed month holds in their present form.

    For each list two ranges: of its key, and of what changed since the newest month was closed.
    """
    parts = []
    for topic_id, place_id in pairs:
        rows = (
            select(Listing.position, Listing.article_id)
            .where(Listing.topic_id == topic_id, Listing.place_id == place_id)
            .where(Listing.position < before)
            .order_by(Listing.position.desc())
            .limit(limit)
        )
        own = rows.where(Listing.position >= closed.until)
        late = rows.where(Listing.position < closed.until, Listing.seq > closed.since_seq)
        parts += [select(own.subquery()), select(late.subquery())]
    every = union_all(*parts).subquery()
    newest = select(every).distinct().order_by(every.c.position.desc()).limit(limit)
    return [Stood(*row) for row in session.execute(newest)]


def as_it_is(session: Session, found: Sequence[Stood], language: str) -> list[Entry | Withdrawn]:
    read = reading.entries(session, [row.article_id for row in found], language)
    return [read[row.article_id] for row in found if row.article_id in read]


def closed_part(
    session: Session, pairs: Sequence[Pair], month: Month, skipped: int, limit: int
) -> list[Frozen]:
    """What was frozen of a month, newest first, behind so many."""
    columns = (ArchivedEntry.position, ArchivedEntry.article_id)
    parts = [
        select(
            select(*columns, ArchivedEntry.revision_id, ArchivedEntry.updated_at)
            .where(ArchivedEntry.topic_id == topic_id, ArchivedEntry.place_id == place_id)
            .where(ArchivedEntry.month == number_of(month))
            .order_by(ArchivedEntry.position.desc())
            .limit(skipped + limit)
            .subquery()
        )
        for topic_id, place_id in pairs
    ]
    every = union_all(*parts).subquery()
    newest = select(every).distinct().order_by(every.c.position.desc())
    return [Frozen(*row) for row in session.execute(newest.limit(limit).offset(skipped))]


def newest_month(session: Session, pairs: Sequence[Pair], before: int) -> Month | None:
    """The newest month before this number that holds anything of these lists."""
    parts = [
        select(func.max(ArchivedEntry.month).label("month"))
        .where(ArchivedEntry.topic_id == topic_id, ArchivedEntry.place_id == place_id)
        .where(ArchivedEntry.month < before)
        for topic_id, place_id in pairs
    ]
    every = union_all(*parts).subquery()
    newest = session.scalar(select(func.max(every.c.month)))
    return month_of(newest) if newest else None


def as_frozen(
    session: Session,
    month: Month,
    found: Sequence[Frozen],
    state: FeedState,
    language: str,
) -> list[Entry | Withdrawn]:
    """What these articles said when the month was closed; of those that are public no more, that
    they are gone: an archive must not go on telling what the city took back."""
    ids = [row.article_id for row in found]
    listed = select(Listing.article_id).where(Listing.article_id.in_(ids))
    public = set(session.scalars(listed.distinct()))
    topics, places = _labels(session, month, ids, state, language)
    then = [row.revision_id for row in found if row.article_id in public]
    read = reading.entries_then(session, then, language)
    gone = _gone(session, [row for row in found if row.article_id not in public])
    said: list[Entry | Withdrawn] = []
    for row in found:
        if (entry := read.get(row.article_id)) is None:
            said.append(gone[row.article_id])
            continue
        said.append(
            replace(
                entry,
                changed_at=row.updated_at,
                topics=topics.get(entry.article_id, ()),
                places=places.get(entry.article_id, ()),
            )
        )
    return said


def _labels(
    session: Session, month: Month, ids: Iterable[int], state: FeedState, language: str
) -> tuple[dict[int, Names], dict[int, Names]]:
    """Topics and places of each article by the lists that it was in, in the order of the city."""
    lists = (ArchivedEntry.article_id, ArchivedEntry.topic_id, ArchivedEntry.place_id)
    topics: dict[int, set[int]] = {}
    places: dict[int, set[int]] = {}
    where = ArchivedEntry.article_id.in_(list(ids)), ArchivedEntry.month == number_of(month)
    for article_id, topic_id, place_id in session.execute(select(*lists).where(*where)):
        if topic_id != ANY and place_id == ANY:
            topics.setdefault(article_id, set()).add(topic_id)
        if topic_id == ANY and place_id > ANY:
            places.setdefault(article_id, set()).add(place_id)
    return (
        {one: _named(numbers, state.topics.values(), language) for one, numbers in topics.items()},
        {one: _named(numbers, state.places.values(), language) for one, numbers in places.items()},
    )


def _named(numbers: set[int], known: Iterable[Named], language: str) -> Names:
    return tuple((one.slug, one.name(language)) for one in known if one.id in numbers)


def _gone(session: Session, found: Sequence[Frozen]) -> dict[int, Withdrawn]:
    read = session.execute(
        select(Article, Revision.language)
        .join(Revision, Revision.article_id == Article.id)
        .where(Revision.id.in_([row.revision_id for row in found]))
    )
    return {article.id: reading.gone(article, language) for article, language in read}
