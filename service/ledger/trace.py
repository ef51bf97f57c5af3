"""Who and why: what one address was told of one article, when and by which wish, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.quiet import quiet_for
from service.ledger.told import HEARS
from service.models import (
    Article,
    ArticleState,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    DigestArticle,
    DigestItem,
    Frequency,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    PlaceLabel,
    Subscription,
    Suppression,
    TopicLabel,
)

MOST = 50  # notifications of an article, and subscriptions of an address, that are shown

_BY_STORY = text(f"""
    SELECT e.article_id FROM article b
    JOIN notification e ON e.article_id = b.id AND e.kind = 'new'
    JOIN delivery o ON o.notification_id = e.id AND o.destination_id = :destination
    WHERE b.story_id = :story AND b.id <> :article AND {HEARS}
    ORDER BY e.article_id LIMIT 1
""")  # noqa: S608


@dataclass(frozen=True)
class Telling:
    """One delivery that told the article, or was to. `in_digest`: as one of several."""

    notification: Notification
    delivery: Delivery
    subscription: Subscription | None
    answers: list[DeliveryAnswer]
    in_digest: bool


@dataclass(frozen=True)
class Trace:
    """What the ledger knows. `reasons` say why nothing (more) was or will be sent, by name; `story`
    is the other article by which they hear of it."""

    destination: Destination | None
    tellings: list[Telling]
    reasons: list[str]
    subscriptions: list[Subscription]
    suppression: Suppression | None
    story: int | None = None


def trace(session: Session, article: Article, hashed: str, zone: str) -> Trace:
    """Follow an article to the address with this keyed hash."""
    suppression = session.get(Suppression, hashed)
    destination = session.scalar(select(Destination).where(Destination.address_hash == hashed))
    if destination is None:
        return Trace(None, [], ["unknown"], [], suppression)
    wishes = list(
        session.scalars(
            select(Subscription)
            .where(Subscription.destination_id == destination.id)
            .order_by(Subscription.ended_at.is_not(None), Subscription.id.desc())
            .limit(MOST)
        )
    )
    tellings = _tellings(session, article, destination)
    is_told = any(one.delivery.state == DeliveryState.SENT for one in tellings)
    story = _by_story(session, article, destination)
    reasons = _of_article(session, article)
    reasons += _of_reader(session, destination, suppression, zone)
    if not is_told:
        reasons += ["story"] * (story is not None)
        reasons += _of_wishes(session, article, wishes)
    return Trace(destination, tellings, reasons, wishes, suppression, story)


def _tellings(session: Session, article: Article, destination: Destination) -> list[Telling]:
    own = select(Notification.id).where(Notification.article_id == article.id)
    in_digests = select(DigestArticle.notification_id).where(DigestArticle.article_id == article.id)
    found = session.execute(
        select(Notification, Delivery, DigestItem)
        .join(Delivery, Delivery.notification_id == Notification.id)
        .outerjoin(
            DigestItem,
            (DigestItem.notification_id == Notification.id)
            & (DigestItem.destination_id == destination.id)
            & (DigestItem.article_id == article.id),
        )
        .where(Delivery.destination_id == destination.id)
        .where(Notification.id.in_(own.union_all(in_digests)))
        .order_by(Notification.id)
        .limit(MOST)
    ).all()
    return [
        _telling(session, notification, delivery, item)
        for notification, delivery, item in found
        if notification.article_id == article.id or item is not None
    ]


def _telling(
    session: Session, notification: Notification, delivery: Delivery, item: DigestItem | None
) -> Telling:
    reason = item.subscription_id if item is not None else delivery.subscription_id
    answers = session.scalars(
        select(DeliveryAnswer)
        .where(DeliveryAnswer.notification_id == notification.id)
        .where(DeliveryAnswer.destination_id == delivery.destination_id)
        .order_by(DeliveryAnswer.id)
        .limit(MOST)
    ).all()
    wish = session.get(Subscription, reason) if reason else None
    return Telling(notification, delivery, wish, list(answers), item is not None)


def _by_story(session: Session, article: Article, destination: Destination) -> int | None:
    values = {"destination": destination.id, "story": article.story_id, "article": article.id}
    found: int | None = session.scalar(_BY_STORY, values)
    return found


def _of_article(session: Session, article: Article) -> list[str]:
    if article.state != ArticleState.PUBLISHED or article.withheld_state is not None:
        return ["withdrawn"]
    if article.is_commercial:
        return ["commercial"]
    news = session.scalar(
        select(Notification)
        .where(Notification.article_id == article.id, Notification.kind == NotificationKind.NEW)
        .order_by(Notification.id.desc())
        .limit(1)
    )
    if news is None:
        return ["never news"]
    if news.archived_at is not None:
        return ["archived"]
    if news.stopped_at is not None or news.state == NotificationState.CANCELLED:
        return ["cancelled"]
    waits = {NotificationState.HELD: "held", NotificationState.RELEASED: "planning"}
    waits[NotificationState.PLANNING] = "planning"
    name = waits.get(NotificationState(news.state))
    return [name] if name else []


def _of_reader(
    session: Session, destination: Destination, suppression: Suppression | None, zone: str
) -> list[str]:
    now = utcnow()
    channel = session.get(Channel, destination.channel_id) if destination.channel_id else None
    quiet = quiet_for(now, destination.quiet_from, destination.quiet_until, zone)
    on_break: datetime | None = destination.paused_until
    found = {
        "suppressed": suppression is not None,
        "unverified": destination.verified_at is None,
        "paused": destination.is_paused or bool(channel and channel.is_paused),
        "break": on_break is not None and on_break > now,
        "quiet": bool(quiet),
    }
    return [name for name, holds in found.items() if holds]


def _of_wishes(session: Session, article: Article, wishes: list[Subscription]) -> list[str]:
    """Why none of their wishes asks for it at once; nothing where one does."""
    live = [wish for wish in wishes if wish.ended_at is None]
    if not live:
        return ["unsubscribed" if wishes else "not subscribed"]
    revision_id = article.shown_revision_id
    topics = set(
        session.scalars(
            select(TopicLabel.topic_id).where(
                TopicLabel.revision_id == revision_id, TopicLabel.state == LabelState.PUBLISHED
            )
        )
    )
    places = set(
        session.scalars(select(PlaceLabel.place_id).where(PlaceLabel.revision_id == revision_id))
    )
    by_topic = [wish for wish in live if wish.topic_id is None or wish.topic_id in topics]
    if not by_topic:
        return ["other topics"]
    fitting = [wish for wish in by_topic if _fits(wish, places)]
    if not fitting:
        return ["other districts"]
    is_instant = any(wish.frequency == Frequency.INSTANT for wish in fitting)
    return [] if is_instant else ["summary"]


def _fits(wish: Subscription, places: set[int]) -> bool:
    if places:
        return wish.place_id is None or wish.place_id in places
    return not wish.is_local_only
