"""What follows a notification: a correction or a withdrawal, to those alone who were told.

Whoever still waits for the original gets the newest text with it, or nothing at all; so a
follow-up is planned again and again until the original is done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from service.db import Moment, rows, utcnow
from service.ledger.match import STATE
from service.ledger.told import LATER, TELLS
from service.models import (
    Article,
    DigestArticle,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
)

FOLLOW_UPS = (NotificationKind.CORRECTION, NotificationKind.WITHDRAWAL)
OPEN = (NotificationState.RELEASED, NotificationState.PLANNING, NotificationState.PLANNED)
SHORTEST_WAIT = timedelta(seconds=20)
WAIT_PART = 0.1  # of the time since the release: a pass over a million rows is not made for nothing

# Each way in which a destination was told an article: a delivery about it, or an item of a digest,
# whose text is not in doubt where its delivery is.
_TELLINGS = """
    SELECT v.notification_id, v.destination_id, v.state, v.subscription_id, v.revision_id,
           v.maybe_revision_id
    FROM delivery v
    WHERE v.notification_id IN :told AND v.destination_id > :lower AND v.destination_id <= :upper
    UNION ALL
    SELECT v.notification_id, v.destination_id, v.state, i.subscription_id, i.revision_id,
           CASE WHEN v.maybe_revision_id IS NOT NULL THEN i.revision_id END
    FROM digest_item i
    JOIN delivery v ON v.notification_id = i.notification_id
                   AND v.destination_id = i.destination_id
    WHERE i.notification_id IN :digests AND i.destination_id > :lower
      AND i.destination_id <= :upper AND i.article_id = :article AND i.revision_id IS NOT NULL"""

# The last thing that a destination was told, or may have been told, must be another revision than
# this one, and nothing may still be on its way to it. Who left since is no more told.
_MATCH = f"""
    INSERT INTO delivery (notification_id, destination_id, state, subscription_id, attempts)
    {{tellings}}
    SELECT :notification, d.id, {STATE}, o.subscription_id, 0
    FROM {{source}} o
    JOIN notification e ON e.id = o.notification_id
    JOIN destination d ON d.id = o.destination_id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE {{told}}o.destination_id > :lower AND o.destination_id <= :upper
      AND {TELLS}
      AND CASE WHEN e.kind = 'withdrawal' THEN :is_correction
               ELSE NOT :is_correction OR o.revision_id IS DISTINCT FROM :revision
                    OR o.maybe_revision_id <> :revision END
      AND NOT EXISTS (
          SELECT 1 FROM {{source}} l
          WHERE {{later}}l.destination_id = o.destination_id AND {LATER})
      AND EXISTS (
          SELECT 1 FROM subscription s WHERE s.destination_id = d.id AND s.ended_at IS NULL)
    ON CONFLICT DO NOTHING"""  # noqa: S608
MATCH = text(
    _MATCH.format(
        tellings="",
        source="delivery",
        told="o.notification_id IN :told AND ",
        later="l.notification_id IN :told AND ",
    )
).bindparams(bindparam("told", expanding=True))
MATCH_WITH_DIGESTS = text(
    _MATCH.format(tellings=f"WITH telling AS ({_TELLINGS})", source="telling", told="", later="")
).bindparams(bindparam("told", expanding=True), bindparam("digests", expanding=True))

# What was stopped while it waited for its next try: nobody has to wait for that any more.
CANCEL = text("""
    UPDATE delivery
    SET state = CASE WHEN maybe_revision_id IS NULL THEN 6 ELSE 4 END,
        revision_id = nullif(maybe_revision_id, 0), due_at = NULL, settled_at = :now
    WHERE notification_id IN :told AND destination_id > :lower AND destination_id <= :upper
      AND state = 2
      AND notification_id IN (SELECT id FROM notification WHERE stopped_at IS NOT NULL)
""").bindparams(bindparam("told", expanding=True), bindparam("now", type_=Moment()))

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
    """Make the follow-up of a locked article; null where nobody was told, or is being told of it,
    or where the ledger no longer knows who was.

    A correction waits until its revision is classified, a withdrawal for nothing. A second one of
    the same text is another: while the first was on its way the text may have changed and changed
    back, and who was left out then is found by the second one alone.
    """
    original = _original(session, article.id)
    is_correction = kind == NotificationKind.CORRECTION
    if original is None or (is_correction and not _can_be_told(session, article)):
        return None
    if is_forgotten(session, article.id):
        return None
    revision_id = article.revision_id if is_correction else None
    payload = {"note": note or "", "original": original}
    last = _last(session, article.id)
    if last is not None and last.kind == kind:
        is_held = last.state == NotificationState.HELD
        if is_held or (is_correction and last.revision_id == revision_id):
            payload["note"] = note or last.payload["note"]
        if is_held:
            last.revision_id, last.payload = revision_id, payload
            session.flush()
            return last
        if not is_correction and last.stopped_at is None and last.state in OPEN:
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
    """The notifications that this one follows up; none where a newer one does so in its place.

    Not those whose rows are gone, or about to go: of them nobody knows any more who was told.
    """
    others = session.execute(
        select(Notification.id, Notification.kind)
        .where(Notification.article_id == notification.article_id)
        .where(Notification.id != notification.id, Notification.released_at.is_not(None))
        .where(Notification.state != NotificationState.CANCELLED)
        .where(Notification.archived_at.is_(None))
    ).all()
    if any(row.id > notification.id and row.kind in FOLLOW_UPS for row in others):
        return []
    return [row.id for row in others if row.id < notification.id]


def is_forgotten(session: Session, article_id: int) -> bool:
    """True where an article was told so long ago that the ledger no longer knows to whom."""
    told = (
        select(Notification.archived_at.is_not(None))
        .where(Notification.article_id == article_id, Notification.released_at.is_not(None))
        .where(Notification.state != NotificationState.CANCELLED)
    )
    found = session.scalars(told).all()
    return bool(found) and all(found)


def digests(session: Session, notification: Notification) -> list[int]:
    """The digests and summaries that may have told the article of this follow-up; as `told`."""
    return list(
        session.scalars(
            select(DigestArticle.notification_id)
            .join(Notification, Notification.id == DigestArticle.notification_id)
            .where(DigestArticle.article_id == notification.article_id)
            .where(Notification.planned > 0, Notification.archived_at.is_(None))
            .order_by(DigestArticle.notification_id)
        )
    )


def next_range(session: Session, told: list[int], lower: int, size: int) -> int | None:
    """The last of the next destinations that were told; null where there are none."""
    return session.execute(NEXT_RANGE, {"told": told, "lower": lower, "size": size}).scalar()


def plan(
    session: Session,
    notification: Notification,
    article: Article,
    told: list[int],
    digests: list[int],
    lower: int,
    upper: int,
) -> int:
    """Plan the destinations of a key range that must hear of it; returns how many."""
    keys = {"told": told, "lower": lower, "upper": upper}
    session.execute(CANCEL, {**keys, "now": utcnow()})
    values = {
        **keys,
        "notification": notification.id,
        "revision": article.shown_revision_id,
        "is_correction": notification.kind == NotificationKind.CORRECTION,
    }
    if not digests:
        return rows(session, MATCH, **values)
    return rows(session, MATCH_WITH_DIGESTS, **values, digests=digests, article=article.id)


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


def _can_be_told(session: Session, article: Article) -> bool:
    """False for advertising, and for a text that arrived damaged, which is never classified."""
    revision = session.get_one(Revision, article.revision_id)
    return not article.is_commercial and revision.state != RevisionState.QUARANTINED


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


def _last(session: Session, article_id: int) -> Notification | None:
    """The newest follow-up: none follows up another one that is held."""
    return session.scalar(
        select(Notification)
        .where(Notification.article_id == article_id, Notification.kind.in_(FOLLOW_UPS))
        .where(Notification.state != NotificationState.CANCELLED)
        .order_by(Notification.id.desc())
        .limit(1)
    )
