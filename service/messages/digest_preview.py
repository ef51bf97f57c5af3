"""Previews of digests: the very bytes that a reader would get, for a reader who is nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.digest_articles import Shown, candidates
from service.ledger.digest_letter import Item, Wish
from service.ledger.digest_letter import Letter as Told
from service.ledger.digest_match import TOLD
from service.messages.digest import DigestEdition
from service.messages.email import Letterhead, Reader
from service.messages.letter import Letter
from service.messages.story import Name, Story, tell_all
from service.models import Article, ArticleState, Frequency, Place, Topic

NOBODY = "reader@example.com"
NEWEST = TOLD + 5  # so that the link to the rest is seen too
EVERYTHING = Wish(0, None, None, is_local_only=False)


def newest(session: Session) -> Told:
    """What a digest of the newest articles would tell somebody who asked for everything."""
    rows = session.execute(
        select(Article.id, Article.shown_revision_id, Article.created_at)
        .where(Article.state == ArticleState.PUBLISHED, Article.withheld_state.is_(None))
        .where(Article.shown_revision_id.is_not(None), Article.is_commercial.is_(False))
        .order_by(Article.is_urgent.desc(), Article.published_at.desc(), Article.id.desc())
        .limit(NEWEST)
    ).all()
    articles = candidates(session, [Shown(row[0], row[1] or 0, row[2]) for row in rows])
    items = [
        Item(one.article_id, one.revision_id, one.topics[0] if one.topics else None, 0)
        for one in articles
    ]
    return Told(tuple(items[:TOLD]), max(len(items) - TOLD, 0), (EVERYTHING,))


def preview_digest(
    session: Session,
    house: Letterhead,
    told: Told,
    frequency: Frequency,
    language: str,
    at: datetime,
) -> Letter:
    """A digest of these items.

    Raises:
        TemplateError: a template cannot be used, and the house is strict.
    """
    topics = session.scalars(select(Topic).order_by(Topic.position, Topic.id))
    names = {one.id: Name(one.id, one.slug, one.name_tr, one.name_en) for one in topics}
    places = {
        one.id: Name(one.id, one.slug, one.name, one.name) for one in session.scalars(select(Place))
    }

    def stories(revision_ids: Sequence[int]) -> Sequence[Story]:
        return tell_all(session, revision_ids)

    edition = DigestEdition(house, 0, frequency, at, names, places, stories)
    return edition.letter(Reader(0, NOBODY, language, 0, None, None, at), told)


def sample_digest(
    house: Letterhead, frequency: Frequency, language: str, story: Story, at: datetime
) -> Letter:
    """A digest of one story, with a link to more; raises as `preview_digest`."""
    topics = {topic.id: topic for topic in story.topics}
    edition = DigestEdition(house, 0, frequency, at, topics, {}, lambda _: [story])
    item = Item(story.article_id, story.revision_id, next(iter(topics), None), 0)
    told = Told((item,), 1, (EVERYTHING,))
    return edition.letter(Reader(0, NOBODY, language, 0, None, None, at), told)
