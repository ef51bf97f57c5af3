"""What follows a notification: a correction or a withdrawal, to those alone who were told.

Whoever still waits for the original gets the newest text with it, or nothing at all; so a
follow-up is planned again and again until the original is done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.match import STATE
from service.models import Article, Notification, NotificationKind, NotificationState

FOLLOW_UPS = (NotificationKind.CORRECTION, NotificationKind.WITHDRAWAL)
TELLING = (NotificationKind.NEW, NotificationKind.CORRECTION)
OPEN = (NotificationState.RELEASED, NotificationState.PLANNING, NotificationState.PLANNED)
SHORTEST_WAIT = timedelta(seconds=20)
WAIT_PART = 0.1  # of the time since the release: a pass over a million rows is not made for nothing

# The last thing that a destination was told, or may have been told, must be another revision than
# this one, and nothing may still be on its way to it. Who left since is no more told.
MATCH = text(
    "INSERT INTO delivery (notification_id, destination_id, state, subscription_id, attempts)"  # noqa: S608
    f" SELECT :notification, d.id, {STATE}, o.subscription_id, 0"
    """
    FROM delivery o
    JOIN destination d ON d.id = o.destination_id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE o.notification_id IN :told AND o.destination_id > :lower AND o.destination_id <= :upper
      AND (o.state IN (1, 4) OR o.maybe_revision_id IS NOT NULL)
      AND (o.revision_id IS DISTINCT FROM :revision OR o.maybe_revision_id <> :revision)
      AND NOT EXISTS (
          SELECT 1 FROM delivery l
          WHERE l.notification_id IN :told AND l.destination_id = o.destination_id
            AND (l.state IN (0, 2)
                 OR l.notification_id > o.notification_id
                 AND (l.state IN (1, 4) OR l.maybe_revision_id IS NOT NULL)))
      AND NOT EXISTS (
          SELECT 1 FROM notification w JOIN delivery v ON v.notification_id = w.id
          WHERE :is_withdrawal AND w.article_id = :article AND w.kind = 'withdrawal'
            AND w.id > o.notification_id AND w.id <> :notification
            AND v.destination_id = o.destination_id AND v.state IN (1, 4))
      AND EXISTS (
          SELECT 1 FROM subscription s WHERE s.destination_id = d.id AND s.ended_at IS NULL)
    ON CONFLICT DO NOTHING"""
).bindparams(bindparam("told", expanding=True))

NEXT_RANGE = text("""
    SELECT max(destination_id) FROM (
        SELECT destination_id FROM delivery
        WHERE notification_id IN :told AND destination_id > :lower
        ORDER BY destination_id LIMIT :size) AS next_range
""").bindparams(bindparam("told", expanding=True))


def follow(
    session: Session,
    article: Article,
    kind: NotificationKind,
    note: str | None,
    now: datetime,
    request_id: str,
) -> Notification | None:
    """Make the follow-up of a locked article; null where nobody was told, or everybody is already.

    A correction waits until its revision is classified, a withdrawal for nothing.
    """
    original = _original(session, article.id)
    if original is None or article.is_commercial:
        return None
    is_correction = kind == NotificationKind.CORRECTION
    revision_id = article.revision_id if is_correction else None
    payload = {"note": note or "", "original": original}
    last = _last(session, article.id, kind)
    if last is not None and last.state == NotificationState.HELD:
        payload["note"] = note or last.payload["note"]
        last.revision_id, last.payload = revision_id, payload
        session.flush()
        return last
    newest = session.scalar(
        select(Notification)
        .where(Notification.article_id == article.id, Notification.kind.in_(FOLLOW_UPS))
        .where(Notification.state != NotificationState.CANCELLED)
        .order_by(Notification.id.desc())
        .limit(1)
    )
    if (
        newest is not None
        and newest.kind == kind
        and newest.revision_id == revision_id
        and newest.stopped_at is None
        and newest.state in OPEN
    ):
        return None
    notification = Notification(
        kind=kind,
        state=NotificationState.HELD if is_correction else NotificationState.RELEASED,
        article_id=article.id,
        revision_id=revision_id,
        payload=payload,
        is_urgent=article.is_urgent,
        release_at=now,
        released_at=None if is_correction else now,
        request_id=request_id,
    )
    session.add(notification)
    session.flush()
    return notification


def told(session: Session, notification: Notification) -> list[int]:
    """The notifications that this one follows up; none where a newer one does so in its place."""
    others = session.execute(
        select(Notification.id, Notification.kind)
        .where(Notification.article_id == notification.article_id)
        .where(Notification.id != notification.id, Notification.released_at.is_not(None))
        .where(Notification.state != NotificationState.CANCELLED)
    ).all()
    if any(row.id > notification.id and row.kind in FOLLOW_UPS for row in others):
        return []
    return [row.id for row in others if row.id < notification.id and row.kind in TELLING]


def next_range(session: Session, told: list[int], lower: int, size: int) -> int | None:
    """The last of the next destinations that were told; null where there are none."""
    return session.execute(NEXT_RANGE, {"told": told, "lower": lower, "size": size}).scalar()


def plan(
    session: Session,
    notification: Notification,
    article: Article,
    told: list[int],
    lower: int,
    upper: int,
) -> int:
    """Plan the destinations of a key range that must hear of it; returns how many.

    Who was told what a correction would tell has no need of it; of a withdrawal everybody has.
    """
    is_correction = notification.kind == NotificationKind.CORRECTION
    return rows(
        session,
        MATCH,
        notification=notification.id,
        told=told,
        lower=lower,
        upper=upper,
        revision=article.shown_revision_id if is_correction else 0,
        is_withdrawal=not is_correction,
        article=article.id,
    )


def rest(
    session: Session, notification: Notification, told: list[int], now: datetime
) -> timedelta | None:
    """How long to wait for those who are still being told; null where nobody is."""
    is_going_on = session.scalar(
        select(Notification.id)
        .where(Notification.id.in_(told), Notification.state.in_(OPEN))
        .limit(1)
    )
    if is_going_on is None:
        return None
    since = now - (notification.released_at or now)
    return max(SHORTEST_WAIT, since * WAIT_PART)


def _original(session: Session, article_id: int) -> int | None:
    """The `new` notification that went out; one that is held tells the newest text anyway."""
    return session.scalar(
        select(Notification.id)
        .where(Notification.article_id == article_id)
        .where(Notification.kind == NotificationKind.NEW)
        .where(Notification.released_at.is_not(None))
        .order_by(Notification.id.desc())
        .limit(1)
    )


def _last(session: Session, article_id: int, kind: NotificationKind) -> Notification | None:
    return session.scalar(
        select(Notification)
        .where(Notification.article_id == article_id, Notification.kind == kind)
        .where(Notification.state != NotificationState.CANCELLED)
        .order_by(Notification.id.desc())
        .limit(1)
    )
