"""Requeueing: a resend takes up again, range by range of its planning, those who did not get it.

States alone decide: what was sent, or may have been, is not touched. So a second resend at the same
time, and a worker that dies, double nobody.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from service.db import Moment
from service.ledger.batches import new_batch
from service.ledger.layout import BATCH_SIZE
from service.ledger.match import question, statement
from service.models import Article, Batch, DestinationKind, Notification, Resend

# A rejected one that may have arrived at an earlier try counts as unknown.
MISSED = "v.state IN (3, 5, 6) AND v.maybe_revision_id IS NULL"
IN_DOUBT = "(v.state = 4 OR v.state = 3 AND v.maybe_revision_id IS NOT NULL)"
# Who was told of the article by a later notification knows its newest text.
DOUBTED = f"""{IN_DOUBT} AND NOT EXISTS (
    SELECT 1 FROM notification e
    JOIN delivery l ON l.notification_id = e.id AND l.destination_id = v.destination_id
    WHERE e.article_id = :article AND e.id > :notification
      AND (l.state IN (0, 1, 2, 4) OR l.maybe_revision_id IS NOT NULL))"""  # noqa: S608

# What was settled after the resend was asked for is its outcome, and not taken up once more.
_FOUND = f"""
    SELECT w.id, w.kind, w.lane, w.subscription_id
    FROM ({{may_be_told}}) AS w
    JOIN delivery v ON v.notification_id = :notification AND v.destination_id = w.id
    WHERE (v.settled_at IS NULL OR v.settled_at < :resent_at)
      AND ({MISSED} OR :is_unknown AND {DOUBTED})
    ORDER BY w.kind, w.lane, w.id
"""  # noqa: S608

# The doubt stays, so that one that is not sent after all is unknown again; it gets one more try.
_TAKE_UP = text(f"""
    UPDATE delivery AS v
    SET state = 0, batch_id = :batch, subscription_id = :subscription,
        attempts = CASE WHEN {IN_DOUBT} THEN 1 ELSE 0 END,
        maybe_revision_id = CASE WHEN v.state = 4
                                 THEN coalesce(v.maybe_revision_id, v.revision_id, 0)
                                 ELSE v.maybe_revision_id END,
        revision_id = NULL, settled_at = NULL, due_at = NULL
    WHERE v.notification_id = :notification AND v.destination_id = :destination
      AND ({MISSED} OR :is_unknown AND {IN_DOUBT})
""")  # noqa: S608


def requeue(session: Session, notification: Notification, lower: int, upper: int) -> list[Batch]:
    """Queue again who missed a notification that is being resent; none where it is not.

    The notification is being planned meanwhile, so that nobody ends it.
    """
    if notification.resend is None:
        return []
    article = session.get_one(Article, notification.article_id)
    is_unknown = notification.resend == Resend.UNKNOWN
    asked = question(session, notification, article)
    values = {
        **asked.lists,
        "notification": notification.id,
        "article": article.id,
        "lower": lower,
        "upper": upper,
        "resent_at": notification.resent_at,
        "is_unknown": is_unknown,
    }
    batches = []
    query = statement(_FOUND.format(may_be_told=asked.may_be_told()), tuple(asked.lists))
    found = session.execute(query.bindparams(bindparam("resent_at", type_=Moment())), values).all()
    for (kind, lane), group in groupby(found, attrgetter("kind", "lane")):
        rows = list(group)
        for start in range(0, len(rows), BATCH_SIZE):
            batch = new_batch(notification, DestinationKind(kind), lane)
            session.add(batch)
            session.flush()
            taken = [
                {
                    "batch": batch.id,
                    "notification": notification.id,
                    "destination": row.id,
                    "subscription": row.subscription_id,
                    "is_unknown": is_unknown,
                }
                for row in rows[start : start + BATCH_SIZE]
            ]
            session.execute(_TAKE_UP, taken)
            batches.append(batch)
    return batches
