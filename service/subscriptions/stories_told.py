"""The articles that a message told, each with who asked for it and the words that set its topics.

News tells one article; a digest, or the summary after quiet hours, tells one for each of its items.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from service.models import (
    Article,
    ArticleState,
    Delivery,
    DeliveryState,
    DigestItem,
    LabelState,
    Notification,
    NotificationKind,
    Place,
    Revision,
    Subscription,
    Topic,
    TopicLabel,
)

MAX_WORDS = 5
_OF_MANY = (NotificationKind.DIGEST, NotificationKind.SUMMARY)
_LEFT = (DeliveryState.SENT, DeliveryState.UNKNOWN)

Row = tuple[Delivery, Notification]


@dataclass(frozen=True)
class Reason:
    """The subscription that asked for it; a null topic is all topics, a null place the city."""

    asked_at: datetime
    frequency: str
    topic: Topic | None
    place: Place | None


@dataclass(frozen=True)
class Story:
    """One article that a message told, the subscription that asked for it, and the words that set
    its topics. `is_public`: it can still be read, and its topics doubted."""

    article_id: int
    is_public: bool
    title: str
    url: str
    language: str
    words: tuple[str, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True)
class Tale:
    """A text that a message told, and the number of the subscription that asked for it."""

    revision_id: int
    subscription_id: int | None


Told = Mapping[tuple[int, int], list[Tale]]


def reasons_of(session: Session, ids: Collection[int]) -> dict[int, Reason]:
    """Subscriptions by their numbers, as reasons."""
    rows = session.execute(
        select(Subscription, Topic, Place)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .outerjoin(Place, Place.id == Subscription.place_id)
        .where(Subscription.id.in_(ids))
    )
    return {
        one.id: Reason(one.created_at, one.frequency, topic, place) for one, topic, place in rows
    }


def told_by(session: Session, found: Sequence[Row]) -> Told:
    """The texts of each message, by notification and destination: those that were sent, and of news
    that was not sent the text that would be."""
    ids = {n.article_id for _, n in found if n.article_id is not None}
    rows = session.execute(select(Article.id, Article.shown_revision_id).where(Article.id.in_(ids)))
    shown = {row.id: row.shown_revision_id for row in rows}
    told: defaultdict[tuple[int, int], list[Tale]] = defaultdict(list)
    for delivery, n in found:
        if n.article_id is not None:
            revision_id = delivery.revision_id or delivery.maybe_revision_id or shown[n.article_id]
            if revision_id is not None:
                tale = Tale(revision_id, delivery.subscription_id)
                told[n.id, delivery.destination_id].append(tale)
    for item in _items(session, found):
        tale = Tale(item.revision_id or 0, item.subscription_id)
        told[item.notification_id, item.destination_id].append(tale)
    return told


def _items(session: Session, found: Sequence[Row]) -> Sequence[DigestItem]:
    """What the letters of many articles told, that left or may have left."""
    pairs = [
        (delivery.notification_id, delivery.destination_id)
        for delivery, notification in found
        if notification.kind in _OF_MANY and delivery.state in _LEFT
    ]
    if not pairs:
        return ()
    return session.scalars(
        select(DigestItem)
        .where(tuple_(DigestItem.notification_id, DigestItem.destination_id).in_(pairs))
        .where(DigestItem.revision_id.is_not(None))
        .order_by(DigestItem.notification_id, DigestItem.destination_id, DigestItem.article_id)
    ).all()


def stories_of(
    session: Session, told: Told, reasons: dict[int, Reason]
) -> dict[tuple[int, int], tuple[Story, ...]]:
    """What each message told, by notification and destination."""
    ids = {tale.revision_id for tales in told.values() for tale in tales}
    revisions = {
        one.id: (one, state)
        for one, state in session.execute(
            select(Revision, Article.state)
            .join(Article, Article.id == Revision.article_id)
            .where(Revision.id.in_(ids))
        )
    }
    words = _words(session, revisions)
    return {
        pair: tuple(
            _story(
                revisions[tale.revision_id][0],
                words[tale.revision_id],
                reasons.get(tale.subscription_id or 0),
                is_public=revisions[tale.revision_id][1] == ArticleState.PUBLISHED,
            )
            for tale in tales
            if tale.revision_id in revisions
        )
        for pair, tales in told.items()
    }


def _story(
    revision: Revision,
    words: dict[int, tuple[str, ...]],
    reason: Reason | None,
    *,
    is_public: bool,
) -> Story:
    """With the words of the topic that was asked for, or of all where everything was."""
    topic_id = reason.topic.id if reason and reason.topic else None
    chosen = words.get(topic_id, ()) if topic_id else sum(words.values(), ())
    return Story(
        article_id=revision.article_id,
        is_public=is_public,
        title=revision.title,
        url=revision.url,
        language=revision.language,
        words=tuple(dict.fromkeys(chosen))[:MAX_WORDS],
        reason=reason,
    )


def _words(
    session: Session, revision_ids: Collection[int]
) -> defaultdict[int, dict[int, tuple[str, ...]]]:
    """The evidence of each revision's published topics, as it stands in the text."""
    rows = session.execute(
        select(TopicLabel.revision_id, TopicLabel.topic_id, TopicLabel.evidence)
        .where(TopicLabel.revision_id.in_(revision_ids))
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.revision_id, TopicLabel.topic_id)
    )
    words: defaultdict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
    for revision_id, topic_id, evidence in rows:
        words[revision_id][topic_id] = _texts(evidence)
    return words


def _texts(evidence: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(item.get("text", "")) for item in evidence if item.get("text")))
