"""What an edition left to something else that then told nobody: the next edition tells it.

An edition leaves out what its readers hear of by other news. Where those are stopped before they
leave, or turn out to be another story, or are not wanted at once any more, its readers would wait
in vain. Whoever was told is left out again as everywhere, so an article more costs nothing.
"""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from service.ledger.spared import NEWS_FOR
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    DigestArticle,
    DigestItem,
    DigestRun,
    Notification,
    NotificationKind,
    StoryLink,
    Subscription,
)


def left_to_others(session: Session, last: DigestRun) -> set[int]:
    """The articles that some readers of a run may have been spared in vain since then."""
    return _spared(session, last) | _not_wanted_at_once(session, last)


def _spared(session: Session, last: DigestRun) -> set[int]:
    """Of its own articles: those whose story lost another one. As `ledger.spared` for news."""
    other = aliased(Article)
    stopped = (
        select(Notification.id)
        .join(other, other.id == Notification.article_id)
        .where(other.story_id == Article.story_id, other.id != Article.id)
        .where(Notification.kind == NotificationKind.NEW)
        .where(Notification.stopped_at > last.until_at)
        .correlate(Article)
    )
    split = select(StoryLink.article_id).where(
        or_(StoryLink.article_id == Article.id, StoryLink.earlier_id == Article.id),
        StoryLink.split_at > last.until_at,
    )
    found = session.scalars(
        select(Article.id)
        .join(DigestArticle, DigestArticle.article_id == Article.id)
        .where(DigestArticle.notification_id == last.notification_id)
        .where(or_(stopped.exists(), split.exists()))
    )
    return set(found)


def _not_wanted_at_once(session: Session, last: DigestRun) -> set[int]:
    """What waited for somebody who changed to this frequency after the run, and was suppressed: by
    itself, or in what was gathered after quiet hours."""
    changed = select(Subscription.destination_id).where(
        Subscription.frequency == last.frequency,
        Subscription.ended_at.is_(None),
        Subscription.created_at > last.until_at,
    )
    news = session.scalars(
        select(Notification.article_id)
        .join(Delivery, Delivery.notification_id == Notification.id)
        .where(Notification.kind == NotificationKind.NEW)
        .where(Notification.released_at.between(last.until_at - NEWS_FOR, last.until_at))
        .where(Delivery.destination_id.in_(changed), Delivery.state == DeliveryState.SUPPRESSED)
    )
    gathered = session.scalars(
        select(DigestItem.article_id)
        .join(Notification, Notification.id == DigestItem.notification_id)
        .join(
            Delivery,
            (Delivery.notification_id == DigestItem.notification_id)
            & (Delivery.destination_id == DigestItem.destination_id),
        )
        .where(Notification.kind == NotificationKind.SUMMARY)
        .where(Notification.released_at > last.until_at, DigestItem.destination_id.in_(changed))
        .where(
            or_(Delivery.state == DeliveryState.SUPPRESSED, DigestItem.revision_id.is_(None)),
        )
    )
    return {one for one in news if one is not None} | set(gathered)
