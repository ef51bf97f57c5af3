"""Planning: releases a notification when its time has come, and fans it out into batches."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.exc import InterfaceError, OperationalError

from service.db import utcnow
from service.ledger.attempts import note_failed_plan, note_planned
from service.ledger.batches import Rings
from service.ledger.layout import Shares
from service.ledger.plan import Overtaken, begin_planning, plan_range
from service.ledger.publish import release
from service.logs import bind, get_logger
from service.models import Batch, Notification
from service.runtime import Runtime
from service.tasks import Queue, Task

log = get_logger(__name__)


def release_and_ring(runtime: Runtime, notification_id: int) -> bool:
    """Release a held notification if it may go, and ring for its planning."""
    wait = timedelta(seconds=runtime.settings.review_wait_s)
    with runtime.db.write() as session:
        if not release(session, notification_id, utcnow(), wait):
            return False
        notification = session.get_one(Notification, notification_id)
    is_urgent, request_id = notification.is_urgent, notification.request_id
    log.info("released", notification_id=notification_id, request_id=request_id)
    runtime.doorbell.ring(
        Task.PLAN_NOTIFICATION, notification_id, Queue.URGENT if is_urgent else Queue.FANOUT
    )
    return True


def plan_notification(runtime: Runtime, notification_id: int) -> None:
    """Plan range by range until nobody is left; a second run goes on where the first stopped.

    Each range's batches are rung for at once, so the first mails leave while the last
    destinations are still being matched.
    """
    bind(notification_id=notification_id)
    shares = Shares()
    with Rings(runtime.doorbell) as rings:
        while (batches := _next_range(runtime, notification_id, shares)) is not None:
            rings.add(batches)


def _next_range(runtime: Runtime, notification_id: int, shares: Shares) -> list[Batch] | None:
    """Not durable by itself: who claims one of its batches makes all before durable too."""
    try:
        with runtime.db.write(is_durable=False) as session:
            now = utcnow()
            notification = begin_planning(session, notification_id, now)
            if notification is None:
                return None
            bind(article_id=notification.article_id, request_id=notification.request_id)
            batches = plan_range(session, notification, shares, now)
            note_planned(session, notification, now)
    except Overtaken:
        return None
    except (OperationalError, InterfaceError):
        raise  # the database is away: that is no failure of this plan
    except Exception as error:
        with runtime.db.write() as session:
            note_failed_plan(session, notification_id, error, utcnow())
        raise
    if batches is None:
        log.info("planned", notification_id=notification_id)
    return batches
