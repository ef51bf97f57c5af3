"""Stories: articles that tell the same event share one, so that a person is told it once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func, literal, select
from sqlalchemy.orm import Session

from service.classify.stories import WINDOW
from service.ledger.grouping import regroup
from service.ledger.refused import N_, Refused
from service.ledger.spared import tell_spared
from service.models import (
    Article,
    ArticleState,
    Notification,
    NotificationKind,
    NotificationState,
    PlaceLabel,
    Revision,
    StoryLink,
)

_TURNS = 0x7E11A1  # names the lock among those of the database

# Written into the statement: a plan for any value could not use the index of what is public.
_PUBLISHED: BindParameter[str] = bindparam(
    "public", ArticleState.PUBLISHED.value, literal_execute=True
)

_UNPLANNED = (NotificationState.HELD, NotificationState.RELEASED, NotificationState.CANCELLED)


class StoryError(Refused):
    """It cannot be split; the text says why."""


@dataclass(frozen=True)
class Telling:
    """An article that another one may repeat; equal content has an equal hash."""

    article_id: int
    revision_id: int
    content_hash: str


def recent(
    session: Session, article_id: int, place_ids: Collection[int], at: datetime
) -> list[Telling]:
    """Public articles of the same districts, published within three days of `at`, and what this
    one is linked to, be it withdrawn meanwhile."""
    places = select(PlaceLabel.place_id).where(PlaceLabel.revision_id == Revision.id)
    statement = (
        select(Article.id, Revision.id, Revision.content_hash)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.id != article_id)
        .where(~places.where(PlaceLabel.place_id.not_in(place_ids)).exists())
    )
    for place_id in place_ids:
        statement = statement.where(places.where(PlaceLabel.place_id == place_id).exists())
    is_near = (
        Article.state == _PUBLISHED,
        Article.published_at.between(at - WINDOW, at + WINDOW),
    )
    found = {Telling(*row) for row in session.execute(statement.where(*is_near))}
    if linked := _linked(session, article_id):
        is_linked = Article.id.in_(linked)
        found |= {Telling(*row) for row in session.execute(statement.where(is_linked))}
    return list(found)


def take_turns(session: Session) -> None:
    """Wait until whoever changes stories has committed, and let nobody pass before this one.

    Two articles that came together would else both look for the other before it is there, and
    stories would move while they are being joined. SQLite has one writer at any time.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_TURNS)))


def link(
    session: Session, article_id: int, other_id: int, evidence: dict[str, Any], now: datetime
) -> bool:
    """Join the stories of two articles, the first of them locked; true where they are one now.

    An article whose planning has begun stays in its story: its readers were chosen without regard
    to the other's. Not stories with a pair that the staff have split.
    """
    own, others = _members(session, article_id), _members(session, other_id)
    if _are_parted(session, own, others) or not _join(session, own, others):
        return False
    first, second = sorted((article_id, other_id))
    if session.get(StoryLink, (second, first)) is None:
        link = StoryLink(article_id=second, earlier_id=first, evidence=evidence, linked_at=now)
        session.add(link)
        session.flush()
    return True


def _join(session: Session, own: Sequence[Article], others: Sequence[Article]) -> bool:
    if own[0].story_id == others[0].story_id:
        return True
    planned = _planned(session, [article.id for article in (*own, *others)])
    earlier, later = sorted((own, others), key=lambda story: story[0].id)
    if not planned.isdisjoint(article.id for article in later):
        earlier, later = later, earlier
    if not planned.isdisjoint(article.id for article in later):
        return False
    for article in later:
        article.story_id = earlier[0].story_id
    session.flush()
    return True


def unlink(session: Session, article_id: int, matching: Collection[int]) -> None:
    """Drop the links of a locked article to all but these, which its newest text still repeats.

    Not once its planning has begun: its readers were chosen by them. What staff split stays split.
    """
    gone = [other for other in _linked(session, article_id) if other not in matching]
    if not gone:
        return
    members = _members(session, article_id)
    if _planned(session, [article_id]):
        return
    for link in session.scalars(_links_of(article_id).where(StoryLink.split_at.is_(None))).all():
        if not {link.article_id, link.earlier_id}.isdisjoint(gone):
            session.delete(link)
    session.flush()
    # Last, so that others keep their story, which may be in planning.
    regroup(session, sorted(members, key=lambda article: article.id == article_id))


def split(session: Session, article_id: int, now: datetime) -> bool:
    """Part an article for good from those it was linked to; true where more people will be told.

    What hangs together without it stays one story. Whoever was spared one of them is told it.

    Raises:
        StoryError: it was never linked to another one.
    """
    take_turns(session)
    members = _members(session, article_id)
    links = session.scalars(_links_of(article_id).where(StoryLink.split_at.is_(None))).all()
    if not links:
        raise StoryError(N_("article %(number)s is linked to no other"), number=article_id)
    for one in links:
        one.split_at = now
    session.flush()
    regroup(session, members)
    return tell_spared(session, [article.id for article in members], now)


def _linked(session: Session, article_id: int) -> set[int]:
    """What an article is linked to, and was not split from."""
    links = session.scalars(_links_of(article_id).where(StoryLink.split_at.is_(None)))
    return {id_ for link in links for id_ in (link.article_id, link.earlier_id)} - {article_id}


def _links_of(article_id: int) -> Select[StoryLink]:
    return select(StoryLink).where(
        (StoryLink.article_id == article_id) | (StoryLink.earlier_id == article_id)
    )


def _members(session: Session, article_id: int) -> Sequence[Article]:
    """The articles of one's story, locked until the commit, the earliest first."""
    story = select(Article.story_id).where(Article.id == article_id).scalar_subquery()
    return session.scalars(
        select(Article)
        .where(Article.story_id == story)
        .order_by(Article.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _are_parted(session: Session, own: Sequence[Article], others: Sequence[Article]) -> bool:
    mine, theirs = [article.id for article in own], [article.id for article in others]
    found = session.scalar(
        select(literal(1))
        .where(StoryLink.split_at.is_not(None))
        .where(
            (StoryLink.article_id.in_(mine) & StoryLink.earlier_id.in_(theirs))
            | (StoryLink.article_id.in_(theirs) & StoryLink.earlier_id.in_(mine))
        )
        .limit(1)
    )
    return found is not None


def _planned(session: Session, article_ids: Collection[int]) -> set[int]:
    """Those of which planning has begun; it cannot begin for another one before the commit."""
    found = session.execute(
        select(Notification.article_id, Notification.state)
        .where(Notification.article_id.in_(article_ids))
        .where(Notification.kind == NotificationKind.NEW)
        .order_by(Notification.id)
        .with_for_update()
    )
    return {int(article_id or 0) for article_id, state in found if state not in _UNPLANNED}
