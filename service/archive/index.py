"""Keeping the archive in step with what is public: in the transaction that makes it so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import product

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from service.archive import search
from service.archive.position import position
from service.archive.words import article_words
from service.db import Database
from service.models import (
    Article,
    ArticleState,
    LabelState,
    Listing,
    PlaceLabel,
    Revision,
    TopicLabel,
)
from service.models.listing import ANY, CITY

STEP = 200  # articles that one transaction of a rebuild takes


# A list: the numbers of its topic and its place.
Lists = frozenset[tuple[int, int]]


def renew(session: Session, article: Article) -> tuple[Lists, Lists]:
    """Put a locked article where it belongs now: into its lists, or out of all of them.

    Returns the lists that it was in, and those that it is in now.
    """
    session.flush()
    before = _take_out(session, article.id)
    if article.state != ArticleState.PUBLISHED or article.shown_revision_id is None:
        return before, frozenset()
    revision_id = article.shown_revision_id
    title, summary, body, topics, places = _content(session, revision_id)
    at: datetime = article.published_at or article.created_at
    where = position(at, article.id)
    after = frozenset(product((ANY, *topics), (ANY, *(places or (CITY,)))))
    session.execute(
        insert(Listing),
        [
            {
                "topic_id": topic,
                "place_id": place,
                "position": where,
                "article_id": article.id,
                "seq": article.feed_seq or 0,
            }
            for topic, place in sorted(after)
        ],
    )
    search.put(session, where, article_words(title, f"{summary}\n{body}", topics, places))
    return before, after


def renew_all(db: Database, on_progress: Callable[[int], None]) -> int:
    """Build the archive anew from the articles, in steps; returns how many are in it.

    Owns its transactions. Safe beside the service and twice: each article is put in its place.
    """
    last, listed = 0, 0
    while True:
        with db.write() as session:
            step = session.scalars(
                select(Article)
                .where(Article.id > last, Article.feed_seq.is_not(None))
                .order_by(Article.id)
                .limit(STEP)
                .with_for_update()
            ).all()
            for article in step:
                renew(session, article)
                listed += article.state == ArticleState.PUBLISHED
        on_progress(len(step))
        if len(step) < STEP:
            return listed
        last = step[-1].id


def count_public(session: Session) -> int:
    """Articles that a rebuild will look at."""
    statement = select(func.count()).where(Article.feed_seq.is_not(None))
    return session.scalar(statement) or 0


def _take_out(session: Session, article_id: int) -> Lists:
    columns = (Listing.topic_id, Listing.place_id, Listing.position)
    found = session.execute(select(*columns).where(Listing.article_id == article_id)).all()
    for where in {row.position for row in found}:
        search.drop(session, where)
    session.execute(
        delete(Listing)
        .where(Listing.article_id == article_id)
        .execution_options(synchronize_session=False)
    )
    return frozenset((row.topic_id, row.place_id) for row in found)


def _content(
    session: Session, revision_id: int
) -> tuple[str, str, str, tuple[int, ...], tuple[int, ...]]:
    texts = session.execute(
        select(Revision.title, Revision.summary, Revision.body_text).where(
            Revision.id == revision_id
        )
    ).one()
    topics = session.scalars(
        select(TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision_id, TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.topic_id)
    )
    places = session.scalars(
        select(PlaceLabel.place_id)
        .where(PlaceLabel.revision_id == revision_id)
        .order_by(PlaceLabel.place_id)
    )
    return texts.title, texts.summary, texts.body_text, tuple(topics), tuple(places)
