"""Which articles a feed holds, newest first, and what each of them says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import Session

from service.archive.address import slug_of
from service.archive.items import places_of, shortened, topics_of
from service.archive.position import FIRST, LAST, position
from service.feeds.clock import Pair
from service.models import Article, FeedDeparture, Listing, Revision

MAX_ENTRIES = 25
# How long before its last change a feed still says that an article was withdrawn. Not before the
# present: the bytes of a feed change with its stamp and with nothing else.
SHOWN_WITHDRAWN = timedelta(days=14)
MAX_WITHDRAWN = 25
MAX_JOINED = 100  # lists in a statement: SQLite joins 500, and private feeds may have more


@dataclass(frozen=True)
class Head:
    """An article in a feed, before anything of it is read: which one, and its last change."""

    article_id: int
    seq: int
    position: int


@dataclass(frozen=True)
class Entry:
    """One article as a feed shows it.

    `changed_at`: when its present text came in, for the first time or back again. New topics or
    places are no change of it (RFC 4287, section 4.2.15: what the publisher holds significant).
    """

    article_id: int
    seq: int
    created_at: datetime
    url: str  # where the city published it; empty where it has no address of its own
    slug: str  # of our page of it
    title: str
    summary: str  # the beginning of the text where it has none
    body_html: str
    language: str
    published_at: datetime
    changed_at: datetime
    image: dict[str, Any] | None
    topics: tuple[tuple[str, str], ...]  # slug and name
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Withdrawn:
    """An article that a feed held and holds no more."""

    article_id: int
    seq: int
    created_at: datetime
    published_at: datetime
    language: str
    at: datetime

    @property
    def position(self) -> int:
        """Where it stood in its lists."""
        return position(self.published_at, self.article_id)


def heads(
    session: Session,
    pairs: Sequence[Pair],
    limit: int = MAX_ENTRIES,
    between: tuple[int, int] = (FIRST, LAST),
) -> list[Head]:
    """The newest articles of these lists between two positions, both excluded; each once.

    One query for some lists, which walks a bounded range of the lists' key for each of them.
    """
    found: dict[int, Head] = {}
    for some in _some(pairs):
        rows = session.execute(_newest(some, limit, between))
        found |= {row.position: Head(row.id, row.feed_seq, row.position) for row in rows}
    return [found[position] for position in sorted(found, reverse=True)[:limit]]


def _some(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """The lists, as many at a time as a statement may join."""
    return (pairs[at : at + MAX_JOINED] for at in range(0, len(pairs), MAX_JOINED))


def _newest(pairs: Sequence[Pair], limit: int, between: tuple[int, int]) -> Select[Any]:
    parts = (
        select(
            select(Listing.position, Listing.article_id)
            .where(Listing.topic_id == topic_id, Listing.place_id == place_id)
            .where(Listing.position > between[0], Listing.position < between[1])
            .order_by(Listing.position.desc())
            .limit(limit)
            .subquery()
        )
        for topic_id, place_id in pairs
    )
    listed = union_all(*parts).subquery()
    return (
        select(listed.c.position, Article.id, Article.feed_seq)
        .join(Article, Article.id == listed.c.article_id)
        .distinct()
        .order_by(listed.c.position.desc())
        .limit(limit)
    )


def shown(session: Session, pairs: Sequence[Pair], limit: int = MAX_ENTRIES) -> list[Head]:
    """What the feed of these lists holds, newest first: the newest articles, and those that changed
    last, however old they are: a correction is seen as long as a new article is."""
    newest = heads(session, pairs, limit)
    held = {one.article_id for one in newest}
    return newest + [one for one in changed(session, pairs) if one.article_id not in held]


def changed(session: Session, pairs: Sequence[Pair], limit: int = MAX_ENTRIES) -> list[Head]:
    """The articles of these lists that changed last, the newest article first."""
    parts = (
        select(
            select(Listing.position, Listing.article_id, Listing.seq)
            .where(Listing.topic_id == topic_id, Listing.place_id == place_id)
            .order_by(Listing.seq.desc())
            .limit(limit)
            .subquery()
        )
        for topic_id, place_id in pairs
    )
    listed = union_all(*parts).subquery()
    last = select(listed).distinct().order_by(listed.c.seq.desc()).limit(limit).subquery()
    found = session.execute(select(last).order_by(last.c.position.desc()))
    return [Head(row.article_id, row.seq, row.position) for row in found]


def entries(session: Session, article_ids: Iterable[int], language: str) -> dict[int, Entry]:
    """What these articles say, by their numbers; names of topics and places in this language."""
    shown = select(Article, Revision).join(Revision, Revision.id == Article.shown_revision_id)
    return _read(session, shown.where(Article.id.in_(list(article_ids))), language)


def entries_then(session: Session, revision_ids: Iterable[int], language: str) -> dict[int, Entry]:
    """The same of one revision of each article, whatever it shows today."""
    then = select(Article, Revision).join(Revision, Revision.article_id == Article.id)
    return _read(session, then.where(Revision.id.in_(list(revision_ids))), language)


def _read(
    session: Session, statement: Select[Article, Revision], language: str
) -> dict[int, Entry]:
    found = session.execute(statement).all()
    revision_ids = [revision.id for _, revision in found]
    topics, places = topics_of(session, revision_ids), places_of(session, revision_ids)
    return {
        article.id: Entry(
            article_id=article.id,
            seq=article.feed_seq or 0,
            created_at=article.created_at,
            url=revision.url,
            slug=slug_of(revision.title),
            title=revision.title,
            summary=revision.summary or shortened(revision.body_text),
            body_html=revision.body_html,
            language=revision.language,
            published_at=article.published_at or article.created_at,
            changed_at=max(revision.created_at, article.feed_updated_at or revision.created_at),
            image=revision.image,
            topics=tuple((one.slug, one.name(language)) for one in topics.get(revision.id, ())),
            places=tuple((one.slug, one.name) for one in places.get(revision.id, ())),
        )
        for article, revision in found
    }


def withdrawn(session: Session, pairs: Sequence[Pair], since: datetime) -> list[Withdrawn]:
    """What was withdrawn from these lists since then, the latest first; few."""
    found: dict[int, Withdrawn] = {}
    for some in _some(pairs):
        found |= {one.article_id: one for one in _gone(session, some, since)}
    latest = sorted(found.values(), key=lambda one: one.seq, reverse=True)
    return latest[:MAX_WITHDRAWN]


def _gone(session: Session, pairs: Sequence[Pair], since: datetime) -> Iterator[Withdrawn]:
    parts = (
        select(FeedDeparture.article_id)
        .where(FeedDeparture.topic_id == topic_id, FeedDeparture.place_id == place_id)
        .where(FeedDeparture.at > since)
        for topic_id, place_id in pairs
    )
    rows = session.execute(
        select(Article, Revision.language)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.id.in_(union_all(*parts)))
        .order_by(Article.feed_seq.desc())
        .limit(MAX_WITHDRAWN)
    )
    for article, language in rows:
        yield gone(article, language)


def gone(article: Article, language: str) -> Withdrawn:
    """What there is to say of an article that was taken back."""
    return Withdrawn(
        article_id=article.id,
        seq=article.feed_seq or 0,
        created_at=article.created_at,
        published_at=article.published_at or article.created_at,
        language=language,
        at=article.withdrawn_at or article.feed_at or article.created_at,
    )
