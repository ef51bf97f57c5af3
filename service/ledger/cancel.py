"""Cancelling: what is unsent stays unsent for good, and whatever is on the wire stays truthful.

The cancel itself is one row. Workers see it at their next look and settle what they hold; what
waits for its next try is in nobody's hands, and is settled here in steps. Should these die halfway,
the rest is settled when its time comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from service.db import Database, Moment
from service.ledger.batches import CLOSE_ONE
from service.ledger.followup import OPEN, next_range
from service.ledger.halts import halts_of
from service.ledger.lease import DECIDE, HALTED, standing
from service.ledger.locks import lock_article_of
from service.ledger.publish import stop_sending
from service.ledger.spared import lock_spared, tell_spared
from service.models import (
    Article,
    Halt,
    HaltKind,
    HaltScope,
    Notification,
    NotificationKind,
    NotificationState,
)

RANGE_SIZE = 5_000  # rows that one transaction looks at, by the primary key of deliveries

_MET = text(f"""
    SELECT destination_id FROM ({DECIDE}
        WHERE v.notification_id = :notification AND v.state = 2
          AND v.destination_id > :lower AND v.destination_id <= :upper) AS waiting
    WHERE is_cancelled
""").bindparams(*HALTED)  # noqa: S608

_COUNT = text(f"""
    SELECT count(*) FROM ({DECIDE}
        WHERE v.notification_id = :notification AND v.state IN (0, 2)) AS unsent
    WHERE is_cancelled
""").bindparams(*HALTED)  # noqa: S608

# Who may have got it already stays in doubt.
_CANCEL = text("""
    UPDATE delivery
    SET state = CASE WHEN maybe_revision_id IS NULL THEN 6 ELSE 4 END,
        revision_id = nullif(maybe_revision_id, 0), due_at = NULL, settled_at = :now
    WHERE notification_id = :notification AND destination_id IN :met AND state = 2
""").bindparams(bindparam("met", expanding=True), bindparam("now", type_=Moment()))


def cancel(
    session: Session,
    scope: HaltScope,
    object_id: int,
    reason: str,
    staff_id: int | None,
    now: datetime,
) -> None:
    """Cancel what is unsent of what was released before `now`; settle each of `concerned`
    after the commit (`settle_one`), then `hold.free_held`.

    An article stays in the feeds; its news that is still held will tell nobody. Whoever was spared
    another article of its story is told that one instead.
    """
    session.add(
        Halt(
            scope=scope,
            object_id=object_id,
            kind=HaltKind.CANCEL,
            reason=reason,
            staff_id=staff_id,
            at=now,
        )
    )
    if scope == HaltScope.ARTICLE:
        article = session.get_one(Article, object_id, with_for_update=True)
        spared = lock_spared(session, article)
        # One that is held would be taken for the correction of a later text.
        session.execute(
            update(Notification)
            .where(Notification.article_id == object_id)
            .where(Notification.kind == NotificationKind.CORRECTION)
            .where(Notification.state == NotificationState.HELD)
            .values(state=NotificationState.CANCELLED)
        )
        stop_sending(session, article, now, *NotificationKind)
        tell_spared(session, spared, now)
    session.flush()


def count_unsent(session: Session, scope: HaltScope, object_id: int, now: datetime) -> int:
    """How many planned deliveries a cancel of this scope would meet at this moment."""
    found = 0
    for notification_id in concerned(session, scope, object_id, now):
        halts = halts_of(session, notification_id)
        halts.add(HaltKind.CANCEL, scope, object_id)
        values = {**standing(session, notification_id), **halts.values()}
        found += session.execute(_COUNT, {**values, "notification": notification_id}).scalar_one()
    return found


def settle_one(db: Database, scope: HaltScope, notification_id: int, now: datetime) -> None:
    """Settle what a cancel of `now` met of one notification and nobody holds.

    Owns its transactions, one for each key range.
    """
    if scope == HaltScope.ALL:
        _stop(db, notification_id, now)
    lower: int | None = 0
    while lower is not None:
        lower = _settle_range(db, notification_id, lower, now)


def concerned(session: Session, scope: HaltScope, object_id: int, now: datetime) -> Sequence[int]:
    """Notifications with something unsent, on `ix_notification_unfinished`, in their order."""
    query = (
        select(Notification.id)
        .where(Notification.state.in_(OPEN), Notification.released_at < now)
        .where(Notification.kind != NotificationKind.SERVICE)
    )
    if scope == HaltScope.ARTICLE:
        query = query.where(Notification.article_id == object_id)
    return session.scalars(query.order_by(Notification.id)).all()


def _stop(db: Database, notification_id: int, now: datetime) -> None:
    """Let planning know too, so that it plans nobody else, and spares nobody another article."""
    with db.write() as session:
        lock_article_of(session, notification_id)
        session.execute(
            update(Notification)
            .where(Notification.id == notification_id, Notification.state.in_(OPEN))
            .where(Notification.stopped_at.is_(None))
            .where(Notification.resent_at.is_(None) | (Notification.resent_at < now))
            .values(stopped_at=now)
        )


def _settle_range(db: Database, notification_id: int, lower: int, now: datetime) -> int | None:
    """Settle the deferred of the next key range; returns where it ends, null after the last."""
    with db.write() as session:
        upper = next_range(session, [notification_id], lower, RANGE_SIZE)
        if upper is None:
            session.execute(CLOSE_ONE, {"notification": notification_id, "now": now})
            return None
        keys = {"notification": notification_id, "lower": lower, "upper": upper}
        met = session.scalars(_MET, {**standing(session, notification_id), **keys}).all()
        if met:
            session.execute(_CANCEL, {"notification": notification_id, "met": met, "now": now})
        return upper
