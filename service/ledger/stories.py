"""Stories: articles that tell the same event share one, so that a person is told it once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from service.classify.stories import WINDOW
from service.ledger.plan import plan_again
from service.models import (
    Article,
    ArticleState,
    Notification,
    NotificationKind,
    NotificationState,
    PlaceLabel,
    Revision,
    Story,
    StoryLink,
)


class StoryError(ValueError):
    """It cannot be split; the text says why."""


@dataclass(frozen=True)
class Telling:
    """One article's words, to be compared. A revision never changes: its number is all of it."""

    article_id: int
    revision_id: int
    texts: tuple[str, ...] = field(compare=False)


def recent(
    session: Session, article_id: int, place_ids: Collection[int], at: datetime
) -> list[Telling]:
    """Public articles of the same districts, published within three days of `at`."""
    places = select(PlaceLabel.place_id).where(PlaceLabel.revision_id == Revision.id)
    statement = (
        select(
            *(Article.id, Revision.id, Revision.title, Revision.summary, Revision.body_text),
        )
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.state == ArticleState.PUBLISHED, Article.id != article_id)
        .where(Article.published_at.between(at - WINDOW, at + WINDOW))
        .where(~places.where(PlaceLabel.place_id.not_in(place_ids)).exists())
    )
    for place_id in place_ids:
        statement = statement.where(places.where(PlaceLabel.place_id == place_id).exists())
    return [
        Telling(other_id, revision_id, (title, summary, body))
        for other_id, revision_id, title, summary, body in session.execute(statement)
    ]


def lock(session: Session, *article_ids: int) -> None:
    """Lock articles until the commit, always in one order."""
    for article_id in sorted(article_ids):
        session.get_one(Article, article_id, with_for_update=True)


def link(
    session: Session, article_id: int, other_id: int, evidence: dict[str, Any], now: datetime
) -> bool:
    """Move the later of two locked articles into the earlier one's story; true where that was done.

    Not one whose planning has begun: its readers were chosen without regard to the other. Not a
    pair that the staff have split.
    """
    earlier_id, later_id = sorted((article_id, other_id))
    earlier, later = session.get_one(Article, earlier_id), session.get_one(Article, later_id)
    if earlier.story_id == later.story_id or _is_planned(session, later_id):
        return False
    if session.get(StoryLink, (later_id, earlier_id)) is not None:
        return False
    later.story_id = earlier.story_id
    session.add(
        StoryLink(article_id=later_id, earlier_id=earlier_id, evidence=evidence, linked_at=now)
    )
    session.flush()
    return True


def split(session: Session, article_id: int, now: datetime) -> bool:
    """Give an article a story of its own again, for good; true where more people will be told.

    Raises:
        StoryError: it was never linked to another one.
    """
    article = session.get(Article, article_id, with_for_update=True)
    links = session.scalars(
        select(StoryLink)
        .where((StoryLink.article_id == article_id) | (StoryLink.earlier_id == article_id))
        .where(StoryLink.split_at.is_(None))
    ).all()
    if article is None or not links:
        raise StoryError(f"article {article_id} is linked to no other")
    for one in links:
        one.split_at = now
    story = Story()
    session.add(story)
    session.flush()
    article.story_id = story.id
    notification_id = session.scalar(
        select(Notification.id)
        .where(Notification.article_id == article_id, Notification.kind == NotificationKind.NEW)
        .where(Notification.released_at > now - timedelta(hours=24))
    )
    return notification_id is not None and plan_again(session, notification_id, now)


def _is_planned(session: Session, article_id: int) -> bool:
    found = session.scalar(
        select(literal(1))
        .where(Notification.article_id == article_id, Notification.kind == NotificationKind.NEW)
        .where(
            Notification.state.not_in(
                (NotificationState.HELD, NotificationState.RELEASED, NotificationState.CANCELLED)
            )
        )
        .limit(1)
    )
    return found is not None
