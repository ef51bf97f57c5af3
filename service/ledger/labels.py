"""Decisions of the staff about an article's topics: final, and followed to who is told.

A topic accepted late plans the same notification again, which adds those who asked for it; one
rejected leaves unsent what is not sent, since eligibility is read again before each slice. If it is
accepted after all, those who were left out meanwhile are planned anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.plan import plan_again
from service.ledger.publish import stamp_feeds
from service.models import (
    Article,
    ArticleState,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    LabelOrigin,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    Subscription,
    Suppression,
    Topic,
    TopicLabel,
)

NEWS_FOR = timedelta(
    hours=24
)  # after its release: a topic that comes later goes to the feeds alone


class LabelError(ValueError):
    """It cannot be decided; the text says why."""


@dataclass(frozen=True)
class Decided:
    """What a decision changed: the label as it was, and whether more people will be told."""

    before: LabelState | None
    is_planned_again: bool


def decide(
    session: Session, article_id: int, topic_id: int, state: LabelState, now: datetime
) -> Decided:
    """Let the staff's word about one topic stand, on this and every later revision.

    Raises:
        LabelError: there is no such article, or it was not classified yet.
    """
    article = session.get(Article, article_id, with_for_update=True)
    if article is None or article.shown_revision_id is None:
        raise LabelError(f"there is no classified article {article_id}")
    label = session.get(TopicLabel, (article.shown_revision_id, topic_id))
    before = LabelState(label.state) if label is not None else None
    _write(session, article.shown_revision_id, topic_id, state, label, now)
    is_public = article.state == ArticleState.PUBLISHED
    is_new = state == LabelState.PUBLISHED and before != LabelState.PUBLISHED
    is_planned_again = is_public and is_new and _tell_more(session, article, topic_id, now)
    changes_feeds = LabelState.PUBLISHED in (before, state) and before != state
    if is_public and changes_feeds and article.feed_seq is not None:
        stamp_feeds(session, article.id, now)
    return Decided(before, is_planned_again)


def decide_none(session: Session, article_id: int, now: datetime) -> None:
    """Let the staff's word stand that an article is about none of today's topics.

    Raises:
        LabelError: there is no such article, or it was not classified yet.
    """
    for topic_id in session.scalars(select(Topic.id).order_by(Topic.id)).all():
        decide(session, article_id, topic_id, LabelState.DROPPED, now)


def label_as_it_is(label: TopicLabel | None, topic_id: int) -> dict[str, Any]:
    """A label in the form that `restore` takes; without one the state is null."""
    if label is None:
        return {"topic_id": topic_id, "state": None}
    return {
        "topic_id": topic_id,
        "state": label.state,
        "origin": label.origin,
        "decided_at": label.decided_at.isoformat(),
    }


def restore(
    session: Session, article_id: int, before: dict[str, Any], at: datetime, now: datetime
) -> bool:
    """Let a label be again what it was before the staff decided at `at`; true where more people
    will be told of it. What was sent meanwhile stays sent.

    Raises:
        LabelError: it was decided again since.
    """
    article = session.get_one(Article, article_id, with_for_update=True)
    topic_id, state = int(before["topic_id"]), before["state"]
    label = session.get(TopicLabel, (article.shown_revision_id, topic_id))
    if label is None or label.origin != LabelOrigin.STAFF or label.decided_at != at:
        raise LabelError("it was decided again since")
    was = LabelState(label.state)
    _forget_elsewhere(session, article, topic_id, at)
    if state is None:
        session.delete(label)
    else:
        label.state, label.origin = LabelState(state), LabelOrigin(before["origin"])
        label.decided_at = datetime.fromisoformat(before["decided_at"])
    session.flush()
    if article.state != ArticleState.PUBLISHED or was == state:
        return False
    is_published = state == LabelState.PUBLISHED
    if (is_published or was == LabelState.PUBLISHED) and article.feed_seq is not None:
        stamp_feeds(session, article.id, now)
    return is_published and _tell_more(session, article, topic_id, now)


def _forget_elsewhere(session: Session, article: Article, topic_id: int, at: datetime) -> None:
    """A decision on another revision of an article would come back with its next text."""
    others = select(Revision.id).where(Revision.article_id == article.id)
    session.execute(
        delete(TopicLabel)
        .where(TopicLabel.revision_id.in_(others.where(Revision.id != article.shown_revision_id)))
        .where(TopicLabel.topic_id == topic_id, TopicLabel.decided_at == at)
        .where(TopicLabel.origin == LabelOrigin.STAFF)
        .execution_options(synchronize_session=False)
    )


def _write(
    session: Session,
    revision_id: int,
    topic_id: int,
    state: LabelState,
    label: TopicLabel | None,
    now: datetime,
) -> None:
    """The evidence stays: it says what the classifier saw."""
    session.execute(
        delete(TopicLabel).where(
            TopicLabel.revision_id == revision_id, TopicLabel.topic_id == topic_id
        )
    )
    session.execute(
        insert(TopicLabel).values(
            revision_id=revision_id,
            topic_id=topic_id,
            state=state,
            origin=LabelOrigin.STAFF,
            score=label.score if label is not None else 0.0,
            evidence=label.evidence if label is not None else [],
            decided_at=now,
        )
    )


def _tell_more(session: Session, article: Article, topic_id: int, now: datetime) -> bool:
    """One that is held goes out by itself once its time has come: it has a topic now."""
    found = session.scalar(
        select(Notification.id)
        .where(Notification.article_id == article.id, Notification.kind == NotificationKind.NEW)
        .where(Notification.state != NotificationState.CANCELLED)
        .where(Notification.stopped_at.is_(None))
        .where(Notification.released_at > now - NEWS_FOR)
        .with_for_update()  # a planner that is at it would plan beside what is taken out below
    )
    if found is None:
        return False
    _take_out(session, found, topic_id)
    return plan_again(session, found, now)


def _take_out(session: Session, notification_id: int, topic_id: int) -> None:
    """Forget those who were left out while they were sent to, so that planning finds them again.

    Those alone who ask for the topic and may be told. Who was planned as suppressed never was
    settled, and stays so.
    """
    may_not_be_told = (
        select(Destination.id)
        .outerjoin(Channel, Channel.id == Destination.channel_id)
        .outerjoin(Suppression, Suppression.address_hash == Destination.address_hash)
        .where(Destination.id == Delivery.destination_id)
        .where(or_(Destination.is_paused, Channel.is_paused, Suppression.address_hash.is_not(None)))
    )
    taken = rows(
        session,
        delete(Delivery)
        .where(Delivery.notification_id == notification_id)
        .where(Delivery.state == DeliveryState.SUPPRESSED, Delivery.attempts == 0)
        .where(Delivery.settled_at.is_not(None))
        .where(
            exists()
            .where(Subscription.destination_id == Delivery.destination_id)
            .where(Subscription.topic_id == topic_id, Subscription.ended_at.is_(None))
        )
        .where(~may_not_be_told.exists())
        .execution_options(synchronize_session=False),
    )
    session.execute(
        update(Notification)
        .where(Notification.id == notification_id)
        .values(planned=Notification.planned - taken)
    )
