"""What a digest may tell: its articles at this moment, the most important first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.models import (
    Article,
    ArticleState,
    DigestArticle,
    Halt,
    HaltKind,
    HaltScope,
    LabelState,
    Notification,
    NotificationKind,
    PlaceLabel,
    Topic,
    TopicLabel,
)


@dataclass(frozen=True)
class Candidate:
    """An article of a digest, with what it is about by the text that is shown now.

    `topics`: the surest first, as letters name them.
    """

    article_id: int
    revision_id: int
    released_at: datetime
    story_id: int | None
    topics: tuple[int, ...]
    places: frozenset[int]

    def strength(self, topic_id: int | None) -> int | None:
        """How well a wish for this topic is met, 0 the best; null where it is not. Who asked for
        everything asked for its surest topic."""
        if topic_id is None:
            return 0
        return self.topics.index(topic_id) if topic_id in self.topics else None

    def concerns(self, place_id: int | None, *, is_local_only: bool) -> bool:
        """Whether a wish for this place is met; null: the whole city."""
        if not self.places:
            return not is_local_only
        return place_id is None or place_id in self.places


@dataclass(frozen=True)
class Shown:
    """An article that may be told, with the revision that is shown and when it came out."""

    article_id: int
    revision_id: int
    released_at: datetime


def shown(session: Session, notification_id: int) -> list[Shown]:
    """Articles that may be told, the most important first: urgent ones, then the newest. Not what
    was withdrawn, cancelled or paused, nor advertising."""
    of_article = select(Halt.id).where(
        Halt.scope == HaltScope.ARTICLE, Halt.object_id == Article.id
    )
    paused = of_article.where(Halt.kind == HaltKind.PAUSE, Halt.ended_at.is_(None))
    released_at = func.coalesce(Notification.resent_at, Notification.released_at)
    cancelled = of_article.where(Halt.kind == HaltKind.CANCEL, Halt.at > released_at)
    found = session.execute(
        select(Article.id, Article.shown_revision_id, Notification.released_at)
        .join(DigestArticle, DigestArticle.article_id == Article.id)
        .join(Notification, Notification.article_id == Article.id)
        .where(DigestArticle.notification_id == notification_id)
        .where(Notification.kind == NotificationKind.NEW, Notification.stopped_at.is_(None))
        .where(Notification.released_at.is_not(None))
        .where(Article.state == ArticleState.PUBLISHED, Article.withheld_state.is_(None))
        .where(Article.is_commercial.is_(False), ~paused.exists(), ~cancelled.exists())
        .where(Article.shown_revision_id.is_not(None))
        .order_by(Article.is_urgent.desc(), Notification.released_at.desc(), Article.id.desc())
    )
    told = (Shown(row[0], row[1], row[2]) for row in found if row[1] and row[2])
    return list(dict.fromkeys(told))


def candidates(session: Session, found: Sequence[Shown]) -> list[Candidate]:
    """These articles with their labels, in the same order."""
    revision_ids = [one.revision_id for one in found]
    topics, places = _topics(session, revision_ids), _places(session, revision_ids)
    rows = session.execute(
        select(Article.id, Article.story_id).where(
            Article.id.in_([one.article_id for one in found])
        )
    )
    story_of = {row.id: row.story_id for row in rows}
    return [
        Candidate(
            one.article_id,
            one.revision_id,
            one.released_at,
            story_of.get(one.article_id),
            tuple(topics[one.revision_id]),
            frozenset(places[one.revision_id]),
        )
        for one in found
    ]


def _topics(session: Session, revision_ids: Collection[int]) -> dict[int, list[int]]:
    rows = session.execute(
        select(TopicLabel.revision_id, TopicLabel.topic_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id.in_(revision_ids), TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.score.desc(), Topic.position, Topic.id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for revision_id, topic_id in rows:
        found[revision_id].append(topic_id)
    return found


def _places(session: Session, revision_ids: Collection[int]) -> dict[int, list[int]]:
    rows = session.execute(
        select(PlaceLabel.revision_id, PlaceLabel.place_id).where(
            PlaceLabel.revision_id.in_(revision_ids)
        )
    )
    found: dict[int, list[int]] = defaultdict(list)
    for revision_id, place_id in rows:
        found[revision_id].append(place_id)
    return found
