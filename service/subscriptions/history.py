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
    ChatTarget,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
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
from service.subscriptions.erasing import person_of

PAGE = 50
SHOWN = timedelta(days=90)
MAX_WORDS = 5
_RETURNED = (BounceVerdict.HARD, BounceVerdict.DISABLED, BounceVerdict.SOFT, BounceVerdict.OURS)
_OF_MANY = (NotificationKind.DIGEST, NotificationKind.SUMMARY)
_LEFT = (DeliveryState.SENT, DeliveryState.UNKNOWN)


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
class Line:
    """One message to one address. One of the service itself has no story and no reason; a summary
    that was not sent has told no story."""

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


def names_of(session: Session, destination_id: int) -> dict[int, str]:
    """All that a person has been written to, by number: addresses, and their chats as they are
    masked, also those that have ended."""
    names = {one.id: one.address for one in person_of(session, destination_id)}
    if not names:
        return {}
    subscriber = select(Destination.subscriber_id).where(Destination.id == destination_id)
    chats = session.execute(
        select(Destination.id, ChatTarget.label)
        .join(ChatTarget, ChatTarget.destination_id == Destination.id)
        .where(Destination.subscriber_id == subscriber.scalar_subquery())
        .where(Destination.kind == DestinationKind.CHAT)
        .order_by(Destination.id)
    )
    return names | {row.id: row.label for row in chats}


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
    told = _told(session, found)
    asked = {one.subscription_id for tales in told.values() for one in tales}
    asked |= {delivery.subscription_id for delivery, _ in found}
    reasons = _reasons(session, {id_ for id_ in asked if id_})
    stories = _stories(session, told, reasons)
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


@dataclass(frozen=True)
class _Tale:
    """A text that a message told, and the number of the subscription that asked for it."""

    revision_id: int
    subscription_id: int | None


Told = dict[tuple[int, int], list[_Tale]]


def _told(session: Session, found: Sequence[Row]) -> Told:
    """The texts of each message, by notification and destination: those that were sent, and of news
    that was not sent the text that would be."""
    ids = {n.article_id for _, n in found if n.article_id is not None}
    rows = session.execute(select(Article.id, Article.shown_revision_id).where(Article.id.in_(ids)))
    shown = {row.id: row.shown_revision_id for row in rows}
    told: Told = defaultdict(list)
    for delivery, n in found:
        if n.article_id is not None:
            revision_id = delivery.revision_id or delivery.maybe_revision_id or shown[n.article_id]
            if revision_id is not None:
                tale = _Tale(revision_id, delivery.subscription_id)
                told[n.id, delivery.destination_id].append(tale)
    for item in _items(session, found):
        tale = _Tale(item.revision_id or 0, item.subscription_id)
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


def _stories(
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
