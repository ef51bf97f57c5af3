"""Publishing: release what was held, withdraw what was published, and stamp the feeds with it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.archive import index
from service.db import rows
from service.ledger import feed_stamps, pushes
from service.ledger.spared import lock_spared, tell_spared
from service.models import (
    Article,
    ArticleState,
    LabelState,
    Listing,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    TopicLabel,
)

OVER = (NotificationState.CANCELLED, NotificationState.DONE)


def release(session: Session, notification_id: int, now: datetime, review_wait: timedelta) -> bool:
    """Let a held notification go if its time has come; True for the one caller who did it.

    Its newest revision must be classified and have a published topic. Without one it waits for
    review, then goes to those who asked for everything (design, section 5); urgent at once.
    """
    notification = session.get_one(Notification, notification_id)
    article = _locked(session, notification.article_id)
    if notification.release_at > now or article.state != ArticleState.PUBLISHED:
        return False
    revision = session.get_one(Revision, article.revision_id)
    if revision.state != RevisionState.CLASSIFIED:
        return False
    is_new = notification.kind == NotificationKind.NEW
    # `sweep.due_releases` asks the same of many at once.
    waited = notification.is_urgent or notification.created_at + review_wait <= now
    if is_new and not _has_topic(session, revision.id) and not waited:
        return False
    released = rows(
        session,
        update(Notification)
        .where(Notification.id == notification_id)
        .where(Notification.state == NotificationState.HELD)
        .values(state=NotificationState.RELEASED, released_at=now, rung_at=now),
    )
    if released and is_new:
        stamp_feeds(session, article.id, now)
    elif released:  # an older correction would send the text of this one with a note of its own
        stop_sending(session, article, now, NotificationKind.CORRECTION, before=notification_id)
    return bool(released)


def withdraw(session: Session, article: Article, now: datetime) -> None:
    """Take a locked article back: out of the feeds, and whatever is not sent stays unsent."""
    article.state, article.withdrawn_at = ArticleState.WITHDRAWN, now
    session.flush()
    stop(session, article, now)
    if article.feed_seq is not None:
        stamp_feeds(session, article.id, now)


def withhold(session: Session, article: Article, now: datetime) -> None:
    """Take a locked article back against its CMS: it comes back when staff say so, not before."""
    if article.withheld_state is None:
        article.withheld_state = ArticleState(article.state)
    if article.state == ArticleState.PUBLISHED:
        withdraw(session, article, now)


def stop(session: Session, article: Article, now: datetime) -> None:
    """Tell nobody from now on: cancel what is held, stop what is on its way.

    Who waits for it, and was spared another article of its story, is told that one instead.
    """
    spared = lock_spared(session, article)
    session.execute(
        update(Notification)
        .where(Notification.article_id == article.id)
        .where(Notification.state == NotificationState.HELD)
        .values(state=NotificationState.CANCELLED)
    )
    stop_sending(session, article, now, *NotificationKind)
    tell_spared(session, spared, now)


def stop_sending(
    session: Session,
    article: Article,
    now: datetime,
    *kinds: NotificationKind,
    before: int | None = None,
) -> None:
    """Leave unsent what is unsent of an article's notifications of these kinds, all or those older
    than one of them."""
    _lock_unfinished(session, article)
    found = [Notification.article_id == article.id, Notification.kind.in_(kinds)]
    if before is not None:
        found.append(Notification.id < before)
    session.execute(
        update(Notification).where(*found, Notification.state.not_in(OVER)).values(stopped_at=now)
    )


def stamp_feeds(session: Session, article_id: int, now: datetime) -> None:
    """Give an article the next number of the feed clock and its place in the archive, and stamp
    with that number every list that it is in or was in.

    Call it last in the transaction: the clock's row stays locked until the commit, so numbers
    become visible in their order (invariant 16).
    """
    article = _locked(session, article_id)
    before, after = index.renew(session, article)
    if after:
        _note_shown(article, now, is_back=not before)
        session.flush()
    seq, at = feed_stamps.next_change(session, now)
    session.execute(
        update(Article).where(Article.id == article_id).values(feed_seq=seq, feed_at=at)
    )
    session.execute(update(Listing).where(Listing.article_id == article_id).values(seq=seq))
    feed_stamps.stamp(session, before | after, seq, at)
    feed_stamps.note_departure(session, article_id, before, after, seq, at)
    if bool(before) != bool(after):
        feed_stamps.stamp_months(session, article_id, seq, at)
    pushes.announce(session, article_id, before | after, seq, now)


def _note_shown(article: Article, now: datetime, *, is_back: bool) -> None:
    """Another text than before, or the same one after a withdrawal, is news of this moment."""
    is_first = article.feed_revision_id is None
    if not is_first and (is_back or article.feed_revision_id != article.shown_revision_id):
        article.feed_updated_at = now
    article.feed_revision_id = article.shown_revision_id


def _locked(session: Session, article_id: int | None) -> Article:
    """The article, locked before the clock: a withdrawal locks them in the same order."""
    return session.get_one(Article, article_id, with_for_update=True)


def _lock_unfinished(session: Session, article: Article) -> None:
    """Lock the article's notifications in one order: an update takes them in any."""
    session.execute(
        select(Notification.id)
        .where(Notification.article_id == article.id, Notification.state.not_in(OVER))
        .order_by(Notification.id)
        .with_for_update(key_share=True)  # batches may refer to them meanwhile
    ).all()


def _has_topic(session: Session, revision_id: int) -> bool:
    found = session.execute(
        select(TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision_id, TopicLabel.state == LabelState.PUBLISHED)
        .limit(1)
    )
    return found.first() is not None
