"""What a person was sent, and why: a walk down the ledger's index, newest first, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from service.models import (
    Article,
    ArticleState,
    Bounce,
    BounceVerdict,
    Delivery,
    DeliveryState,
    LabelState,
    Notification,
    NotificationKind,
    Place,
    Revision,
    Subscription,
    Topic,
    TopicLabel,
)

PAGE = 50
SHOWN = timedelta(days=90)
MAX_WORDS = 5
_RETURNED = (BounceVerdict.HARD, BounceVerdict.DISABLED, BounceVerdict.SOFT, BounceVerdict.OURS)


class Fate(StrEnum):
    """What became of a message, as a reader would put it."""

    SENT = "sent"
    ON_ITS_WAY = "on its way"
    WAITS = "waits"
    RETURNED = "returned"
    FAILED = "failed"
    IN_DOUBT = "in doubt"
    NOT_SENT = "not sent"


_FATES = {
    DeliveryState.QUEUED: Fate.ON_ITS_WAY,
    DeliveryState.SENT: Fate.SENT,
    DeliveryState.DEFERRED: Fate.WAITS,
    DeliveryState.REJECTED: Fate.FAILED,
    DeliveryState.UNKNOWN: Fate.IN_DOUBT,
    DeliveryState.SUPPRESSED: Fate.NOT_SENT,
    DeliveryState.CANCELLED: Fate.NOT_SENT,
}


@dataclass(frozen=True)
class Reason:
    """The subscription that asked for it; a null topic is all topics, a null place the city."""

    asked_at: datetime
    frequency: str
    topic: Topic | None
    place: Place | None


@dataclass(frozen=True)
class Story:
    """One article that a message told, and the words that set its topics. `is_public`: it can
    still be read, and its topics doubted."""

    article_id: int
    is_public: bool
    title: str
    url: str
    language: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One message to one address. One of the service itself has no story and no reason."""

    notification_id: int
    destination_id: int
    at: datetime
    kind: NotificationKind
    fate: Fate
    template: str = ""
    reason: Reason | None = None
    stories: tuple[Story, ...] = ()


@dataclass(frozen=True)
class Page:
    """Some lines, and the number to ask for the next ones with; null after the last."""

    lines: list[Line] = field(default_factory=list)
    next: int | None = None


def page(
    session: Session,
    destination_ids: Sequence[int],
    *,
    since: datetime | None,
    before: int | None = None,
    size: int = PAGE,
) -> Page:
    """Messages to these addresses, newest first, from before a notification's number on.

    Each address is a walk of its own along `ix_delivery_destination_id`, of at most `size` steps,
    whatever the ledger holds.
    """
    found = [
        row for id_ in destination_ids for row in _newest(session, id_, since, before, size + 1)
    ]
    found.sort(key=lambda row: (-row[1].id, row[0].destination_id))
    following = None
    if len(found) > size:
        following = found[size - 1][1].id  # no notification is torn between two pages
        found = [row for row in found if row[1].id >= following]
    return Page(_lines(session, found), following)


Row = tuple[Delivery, Notification]


def _newest(
    session: Session, destination_id: int, since: datetime | None, before: int | None, size: int
) -> Iterator[Row]:
    """Numbers rise with time, so the first one that is too old ends the walk."""
    query = (
        select(Delivery, Notification)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Delivery.destination_id == destination_id)
        .order_by(Delivery.notification_id.desc())
        .limit(size)
    )
    if before is not None:
        query = query.where(Delivery.notification_id < before)
    for delivery, notification in session.execute(query).all():
        if since is not None and notification.created_at < since:
            return
        yield delivery, notification


def _lines(session: Session, found: Sequence[Row]) -> list[Line]:
    reasons = _reasons(session, {d.subscription_id for d, _ in found if d.subscription_id})
    stories = _stories(session, found, reasons)
    returned = _returned(session, [(d.notification_id, d.destination_id) for d, _ in found])
    return [
        Line(
            notification_id=notification.id,
            destination_id=delivery.destination_id,
            at=delivery.settled_at or notification.released_at or notification.created_at,
            kind=NotificationKind(notification.kind),
            fate=_fate(delivery, returned),
            template=str(notification.payload.get("template", "")),
            reason=reasons.get(delivery.subscription_id or 0),
            stories=stories.get((notification.id, delivery.destination_id), ()),
        )
        for delivery, notification in found
    ]


def _fate(delivery: Delivery, returned: Collection[tuple[int, int]]) -> Fate:
    is_returned = (delivery.notification_id, delivery.destination_id) in returned
    fate = _FATES[DeliveryState(delivery.state)]
    return Fate.RETURNED if fate is Fate.SENT and is_returned else fate


def _returned(session: Session, pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    if not pairs:
        return set()
    rows = session.execute(
        select(Bounce.notification_id, Bounce.destination_id)
        .where(tuple_(Bounce.notification_id, Bounce.destination_id).in_(pairs))
        .where(Bounce.verdict.in_(_RETURNED))
    )
    return {(notification, destination) for notification, destination in rows}


def _reasons(session: Session, ids: Collection[int]) -> dict[int, Reason]:
    rows = session.execute(
        select(Subscription, Topic, Place)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .outerjoin(Place, Place.id == Subscription.place_id)
        .where(Subscription.id.in_(ids))
    )
    return {
        one.id: Reason(one.created_at, one.frequency, topic, place) for one, topic, place in rows
    }


def _stories(
    session: Session, found: Sequence[Row], reasons: dict[int, Reason]
) -> dict[tuple[int, int], tuple[Story, ...]]:
    """What each message told, by notification and destination: the text that was sent, and of what
    was not sent the one that would be."""
    ids = {n.article_id for _, n in found if n.article_id is not None}
    articles = {one.id: one for one in session.scalars(select(Article).where(Article.id.in_(ids)))}
    told = {
        (n.id, d.destination_id): d.revision_id
        or d.maybe_revision_id
        or articles[n.article_id].shown_revision_id
        for d, n in found
        if n.article_id is not None
    }
    revisions = {
        one.id: one
        for one in session.scalars(select(Revision).where(Revision.id.in_(set(told.values()))))
    }
    words = _words(session, revisions)
    stories: dict[tuple[int, int], tuple[Story, ...]] = {}
    for delivery, notification in found:
        pair = (notification.id, delivery.destination_id)
        revision = revisions.get(told.get(pair) or 0)
        if revision is not None:
            reason = reasons.get(delivery.subscription_id or 0)
            topic_id = reason.topic.id if reason and reason.topic else None
            is_public = articles[revision.article_id].state == ArticleState.PUBLISHED
            stories[pair] = (_story(revision, words[revision.id], topic_id, is_public),)
    return stories


def _story(
    revision: Revision, words: dict[int, tuple[str, ...]], topic_id: int | None, is_public: bool
) -> Story:
    """With the words of the topic that was asked for, or of all where everything was."""
    chosen = words.get(topic_id, ()) if topic_id else sum(words.values(), ())
    return Story(
        article_id=revision.article_id,
        is_public=is_public,
        title=revision.title,
        url=revision.url,
        language=revision.language,
        words=tuple(dict.fromkeys(chosen))[:MAX_WORDS],
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
