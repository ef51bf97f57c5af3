"""Two-person release: urgent news reaches everybody at once only if enough of the staff say so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from service.db import Moment
from service.ledger.locks import lock_article_of
from service.ledger.plan import plan_again
from service.ledger.refused import N_, Refused
from service.models import Approval, Article, ArticleState, Notification, NotificationState

# What waits for quiet hours to end: deferred, and never tried.
WAKE = text("""
    UPDATE delivery SET due_at = :now
    WHERE notification_id = :notification AND state = 2 AND attempts = 0
""").bindparams(bindparam("now", type_=Moment()))


class ApprovalError(Refused):
    """It cannot be approved; the text says why."""


def approve(
    session: Session, notification_id: int, staff_id: int, now: datetime, needed: int
) -> int:
    """Note one person's approval; the last one `needed` lets it break quiet hours and digests.

    What was planned already is planned again, and adds those who were left out. Returns how many
    approvals are still needed.

    Raises:
        ApprovalError: it is not urgent, was stopped, or has this person's approval already.
    """
    article_id = lock_article_of(session, notification_id)
    article = session.get(Article, article_id, populate_existing=True) if article_id else None
    notification = session.get_one(Notification, notification_id, with_for_update=True)
    if article is None or not notification.is_urgent:
        raise ApprovalError(N_("only urgent news can go to everybody at once"))
    # A finished notification is not stopped by a withdrawal: there was nothing to stop any more.
    is_over = notification.stopped_at or notification.state == NotificationState.CANCELLED
    if is_over or article.state != ArticleState.PUBLISHED or article.is_commercial:
        raise ApprovalError(N_("it was withdrawn"))
    if notification.archived_at is not None:
        raise ApprovalError(N_("it is too old: the ledger no longer knows who was told"))
    if session.get(Approval, (notification_id, staff_id)) is not None:
        raise ApprovalError(N_("you approved it already; somebody else must do so too"))
    session.add(Approval(notification_id=notification_id, staff_id=staff_id, at=now))
    session.flush()
    missing = max(needed - approvals(session, notification_id), 0)
    if missing == 0 and notification.breaks_at is None:
        notification.breaks_at = now
        session.flush()
        session.execute(WAKE, {"notification": notification.id, "now": now})
        plan_again(session, notification.id, now)
    return missing


def approvals(session: Session, notification_id: int) -> int:
    """How many of the staff have approved it."""
    given = select(func.count()).where(Approval.notification_id == notification_id)
    return int(session.scalar(given) or 0)
