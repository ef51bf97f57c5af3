"""The same matches in bare SQL, as somebody would write them by hand."""

from __future__ import annotations

import time

from sqlalchemy import text

from service.db import Database

ITEMS = text("""
    INSERT INTO digest_item
        (notification_id, destination_id, article_id, revision_id, subscription_id)
    SELECT g.notification_id, s.destination_id, a.id, a.shown_revision_id, min(s.id)
    FROM digest_article g
    JOIN article a ON a.id = g.article_id
    JOIN subscription s ON s.ended_at IS NULL AND s.frequency = 'daily'
     AND (s.topic_id IS NULL OR s.topic_id IN (
          SELECT topic_id FROM topic_label WHERE revision_id = a.shown_revision_id))
     AND (s.place_id IS NULL
          OR s.place_id IN (SELECT place_id FROM place_label
                            WHERE revision_id = a.shown_revision_id)
          OR NOT s.is_local_only AND NOT EXISTS (
             SELECT 1 FROM place_label WHERE revision_id = a.shown_revision_id))
    WHERE g.notification_id = :notification
    GROUP BY g.notification_id, s.destination_id, a.id, a.shown_revision_id
""")
DELIVERIES = text("""
    INSERT INTO delivery (notification_id, destination_id, state, attempts)
    SELECT notification_id, destination_id, 0, 0 FROM digest_item
    WHERE notification_id = :notification GROUP BY notification_id, destination_id
""")


KEEP = text(
    "CREATE TABLE matched AS SELECT * FROM digest_item WHERE notification_id = :notification"
)
COPY = text("INSERT INTO digest_item SELECT * FROM matched")
FORGET = text("DROP TABLE matched")


def keep(db: Database, notification: int) -> None:
    """Put aside what was planned, for `copy`."""
    with db.write() as session:
        session.execute(KEEP, {"notification": notification})


def copy(db: Database, notification: int) -> float:
    """Seconds to insert the items that were put aside, without any matching, and deliveries."""
    started = time.perf_counter()
    with db.write() as session:
        session.execute(COPY)
        session.execute(DELIVERIES, {"notification": notification})
    seconds = time.perf_counter() - started
    with db.write() as session:
        session.execute(FORGET)
    return seconds


def match_and_insert(db: Database, notification: int) -> float:
    """Seconds, with the commit."""
    started = time.perf_counter()
    with db.write() as session:
        session.execute(ITEMS, {"notification": notification})
        session.execute(DELIVERIES, {"notification": notification})
    return time.perf_counter() - started
