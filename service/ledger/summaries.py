"""Summaries: what waited for a reader's quiet hours to end comes as one letter.

The deliveries that waited are cancelled, and a summary's items tell in their place. All readers who
wake at the same time share one notification. News by email and to chats are gathered, and only what
was never tried: a correction, or a letter that may have arrived, goes on its own. A program that
reads a webhook is told each article by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, text
from sqlalchemy.orm import Session

from service.db import Moment, table_of
from service.ledger.batches import new_batch
from service.ledger.digest_runs import add_articles
from service.ledger.layout import BATCH_SIZE, Lane
from service.models import (
    Article,
    Batch,
    Delivery,
    DeliveryState,
    DestinationKind,
    DigestItem,
    Frequency,
    Notification,
    NotificationKind,
    NotificationState,
)

LEAST = 2  # deliveries of a reader that are worth a summary

_WAITED = """
    SELECT v.notification_id, v.destination_id, v.subscription_id, n.article_id, d.kind, d.lane
    FROM (SELECT * FROM delivery WHERE state = 2 AND due_at <= :now
          ORDER BY due_at, destination_id LIMIT :size{lock}) AS v
    JOIN notification n ON n.id = v.notification_id
    JOIN destination d ON d.id = v.destination_id
    WHERE v.attempts = 0 AND v.maybe_revision_id IS NULL
      AND n.kind = 'new' AND n.breaks_at IS NULL AND n.stopped_at IS NULL
      AND (d.kind = 'email' OR d.kind = 'chat' AND d.lane <> 'webhook')
      AND d.quiet_from IS NOT NULL AND (n.is_urgent OR NOT d.is_urgent_only)
    ORDER BY d.kind, d.lane, v.destination_id, v.notification_id"""

_TAKE = text("""
    UPDATE delivery SET state = 6, due_at = NULL, settled_at = :now
    WHERE notification_id = :notification AND destination_id = :destination
      AND state = 2 AND attempts = 0
""").bindparams(bindparam("now", type_=Moment()))


@dataclass(frozen=True)
class Waited:
    """A delivery that waited for its reader to wake."""

    notification_id: int
    destination_id: int
    subscription_id: int | None
    article_id: int
    lane: Lane


def gather(session: Session, now: datetime, size: int) -> list[Batch]:
    """Gather the first so many deliveries that are due into summaries; returns their batches.

    Readers of whom only one delivery waited are left as they are.
    """
    # Of two sweepers at once the second finds nothing left. SQLite has one writer anyway.
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    query = text(_WAITED.format(lock="" if is_sqlite else " FOR UPDATE"))
    at = bindparam("now", type_=Moment())
    found = session.execute(query.bindparams(at), {"now": now, "size": size}).all()
    due: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in found:
        due[row.destination_id].append(row)
    waited = [
        Waited(
            row.notification_id,
            row.destination_id,
            row.subscription_id,
            row.article_id,
            (row.kind, row.lane),
        )
        for rows in due.values()
        if len(rows) >= LEAST
        for row in rows
    ]
    if not waited:
        return []
    notification = _notification(session, waited, now)
    _add_items(session, notification.id, waited)
    batches = _add_deliveries(session, notification, waited)
    session.execute(
        _TAKE,
        [
            {"notification": one.notification_id, "destination": one.destination_id, "now": now}
            for one in waited
        ],
    )
    return batches


def _notification(session: Session, waited: Sequence[Waited], now: datetime) -> Notification:
    readers = {one.destination_id for one in waited}
    notification = Notification(
        kind=NotificationKind.SUMMARY,
        state=NotificationState.PLANNED,
        payload={"frequency": Frequency.INSTANT.value},
        release_at=now,
        released_at=now,
        planned_at=now,
        planned=len(readers),
    )
    session.add(notification)
    session.flush()
    add_articles(session, notification.id, sorted({one.article_id for one in waited}))
    return notification


def _add_items(session: Session, notification_id: int, waited: Sequence[Waited]) -> None:
    articles = {one.article_id for one in waited}
    shown = {
        row.id: row.shown_revision_id
        for row in session.execute(
            select(Article.id, Article.shown_revision_id).where(Article.id.in_(articles))
        )
    }
    session.execute(
        insert(table_of(DigestItem)),
        [
            {
                "notification_id": notification_id,
                "destination_id": one.destination_id,
                "article_id": one.article_id,
                "revision_id": shown[one.article_id],
                "subscription_id": one.subscription_id,
            }
            for one in waited
        ],
    )


def _add_deliveries(
    session: Session, notification: Notification, waited: Sequence[Waited]
) -> list[Batch]:
    batches = []
    for (kind, lane), group in groupby(waited, attrgetter("lane")):
        first: dict[int, int | None] = {}
        for one in group:
            first.setdefault(one.destination_id, one.subscription_id)
        readers = sorted(first)
        for start in range(0, len(readers), BATCH_SIZE):
            batch = new_batch(notification, DestinationKind(kind), lane)
            session.add(batch)
            session.flush()
            batches.append(batch)
            session.execute(
                insert(table_of(Delivery)),
                [
                    {
                        "notification_id": notification.id,
                        "destination_id": reader,
                        "state": DeliveryState.QUEUED,
                        "batch_id": batch.id,
                        "subscription_id": first[reader],
                        "attempts": 0,
                    }
                    for reader in readers[start : start + BATCH_SIZE]
                ],
            )
    return batches
