"""Resending: an article's news to exactly those who did not get it, because staff ask for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.ledger.match import question, statement
from service.ledger.refused import N_, Refused
from service.ledger.requeue import DOUBTED, IN_DOUBT
from service.models import (
    Article,
    ArticleState,
    Notification,
    NotificationKind,
    NotificationState,
    Resend,
)

UNPLANNED = "unplanned"
EVERYBODY = (0, 2**62)

_MISSING = f"""
    SELECT word, count(*) FROM (
        SELECT CASE WHEN v.state IS NULL THEN '{UNPLANNED}'
                    WHEN {IN_DOUBT} THEN CASE WHEN {DOUBTED} THEN 'unknown' ELSE 'told' END
                    WHEN v.state = 3 THEN 'rejected'
                    WHEN v.state = 5 THEN 'suppressed' ELSE 'cancelled' END AS word
        FROM ({{may_be_told}}) AS w
        LEFT JOIN delivery v ON v.notification_id = :notification AND v.destination_id = w.id
        WHERE v.state IS NULL OR v.state IN (3, 4, 5, 6)) AS missing
    WHERE word <> 'told' GROUP BY word
"""  # noqa: S608

_UNKNOWN = text(f"""
    SELECT v.destination_id FROM delivery v
    WHERE v.notification_id = :notification AND {IN_DOUBT}
    ORDER BY v.destination_id LIMIT :size
""")  # noqa: S608

_OPEN = text("""
    SELECT 1 FROM delivery WHERE notification_id = :notification AND state IN (0, 2) LIMIT 1
""")


class ResendError(Refused):
    """It cannot be resent; the text says why."""


def news_of(session: Session, article_id: int, *, for_update: bool) -> tuple[Article, Notification]:
    """An article and its news, which can be resent; locked in this order where asked for.

    Raises:
        ResendError: nobody may be told of it, or nobody was to be told yet.
    """
    article = session.get(Article, article_id, with_for_update=for_update)
    if article is None:
        raise ResendError(N_("there is no article %(number)s"), number=article_id)
    if article.state != ArticleState.PUBLISHED or article.withheld_state is not None:
        raise ResendError(
            N_("article %(number)s is withdrawn, and so told to nobody"), number=article_id
        )
    if article.is_commercial:
        raise ResendError(
            N_("article %(number)s is advertising by now, which is told to nobody"),
            number=article_id,
        )
    query = (
        select(Notification)
        .where(Notification.article_id == article_id, Notification.kind == NotificationKind.NEW)
        .where(Notification.state != NotificationState.CANCELLED)
    )
    notification = session.scalar(query.with_for_update() if for_update else query)
    if notification is None:
        raise ResendError(
            N_("article %(number)s was never news: it went to the feeds alone"), number=article_id
        )
    if notification.archived_at is not None:
        raise ResendError(
            N_("article %(number)s is too old: who was told is not kept any more"),
            number=article_id,
        )
    if notification.state == NotificationState.HELD and notification.stopped_at is None:
        raise ResendError(
            N_("article %(number)s is still held; nobody was told of it yet"), number=article_id
        )
    if notification.stopped_at is not None and _is_being_cancelled(session, notification):
        raise ResendError(
            N_(
                "article %(number)s is still being cancelled;"
                " try again once nothing of it is queued"
            ),
            number=article_id,
        )
    return article, notification


def missing(
    session: Session,
    article: Article,
    notification: Notification,
    between: tuple[int, int] = EVERYBODY,
) -> Counter[str]:
    """How many may be told now who were not, by what became of it: `rejected`, `cancelled`,
    `suppressed`, `unplanned`, and those who may have got it: `unknown`; of all destinations, or of
    a key range without its lower end."""
    asked = question(session, notification, article)
    ids = {"notification": notification.id, "article": article.id}
    query = statement(_MISSING.format(may_be_told=asked.may_be_told()), tuple(asked.lists))
    keys = {"lower": between[0], "upper": between[1]}
    found = session.execute(query, {**asked.lists, **ids, **keys})
    return Counter({word: int(count) for word, count in found})


def _is_being_cancelled(session: Session, notification: Notification) -> bool:
    """Whether some wait to be settled as cancelled: told now after all, they might be told twice,
    because others of the story were planned for them meanwhile."""
    return session.execute(_OPEN, {"notification": notification.id}).first() is not None


def unknown(session: Session, notification: Notification, limit: int) -> Sequence[int]:
    """The first destinations that may have got it, although no answer said so."""
    values = {"notification": notification.id, "size": limit}
    return session.scalars(_UNKNOWN, values).all()


def resend(notification: Notification, now: datetime, *, with_unknown: bool) -> None:
    """Have a locked notification planned anew, with those who did not get it; ring for its planning
    after the commit.

    It is news again from now on, and what was cancelled before is not cancelled any more. One that
    was cancelled while it was held goes out when its time comes.
    """
    notification.stopped_at = None
    if notification.state == NotificationState.HELD:
        return
    notification.state, notification.cursor = NotificationState.RELEASED, 0
    notification.done_at, notification.rung_at = None, now
    is_unknown = with_unknown or notification.resend == Resend.UNKNOWN
    notification.resend = Resend.UNKNOWN if is_unknown else Resend.MISSING
    notification.resent_at = now
