"""What the articles of a feed say, and which of them it held and holds no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.archive.address import slug_of
from service.archive.items import places_of, shortened, topics_of
from service.archive.position import position
from service.feeds.clock import Pair
from service.feeds.lists import departed
from service.models import Article, Revision

# How long before its last change a feed still says that an article was withdrawn. Not before the
# present: the bytes of a feed change with its stamp and with nothing else.
SHOWN_WITHDRAWN = timedelta(days=14)
MAX_WITHDRAWN = 25


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
    """What was withdrawn from these lists since then, the latest first."""
    ids = departed(session, pairs, since)
    if not ids:
        return []
    rows = session.execute(
        select(Article, Revision.language)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.id.in_(ids))
        .order_by(Article.feed_seq.desc())
        .limit(MAX_WITHDRAWN)
    )
    return [gone(article, language) for article, language in rows]


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
