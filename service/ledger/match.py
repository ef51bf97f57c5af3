"""Matching: which destinations asked for an article, as one SQL statement per key range."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.told import HEARS
from service.models import Article, Notification

# Both sides of the match run on an index: destination by key range, its subscriptions by
# `uq_subscription_live`. A destination that may not be told now is planned as suppressed, so
# that the city can say why it heard nothing.
STATE = """CASE WHEN x.address_hash IS NOT NULL OR d.is_paused OR coalesce(c.is_paused, false)
                THEN 5 ELSE 0 END"""
_WHO = f"""
    FROM destination d
    JOIN subscription s ON s.destination_id = d.id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE d.id > :lower AND d.id <= :upper
      AND d.verified_at IS NOT NULL
      AND s.ended_at IS NULL AND (s.frequency = 'instant' OR :breaks)
      AND (s.topic_id IS NULL OR s.topic_id IN {{topics}})
      AND (s.place_id IS NULL OR s.place_id IN {{places}} OR {{whole_city}})
      AND NOT EXISTS (
          SELECT 1 FROM article a
          JOIN notification e ON e.article_id = a.id AND e.kind = 'new'
          JOIN delivery o ON o.notification_id = e.id AND o.destination_id = d.id
          WHERE a.story_id = :story AND a.id <> :article AND {HEARS})
    GROUP BY d.id, d.is_paused, c.is_paused, x.address_hash"""  # noqa: S608
# Who asks for an article by the labels that are stored; a resend asks the same.
ASKED = _WHO.format(
    topics="(SELECT topic_id FROM topic_label"
    " WHERE revision_id = :revision AND state = 'published')",
    places="(SELECT place_id FROM place_label WHERE revision_id = :revision)",
    whole_city="NOT EXISTS (SELECT 1 FROM place_label WHERE revision_id = :revision)",
)
MATCH = text(
    "INSERT INTO delivery (notification_id, destination_id, state, subscription_id, attempts)"
    f" SELECT :notification, d.id, {STATE}, min(s.id), 0{ASKED} ON CONFLICT DO NOTHING"
)
# The same question for labels that are nowhere stored.
COUNT = text(
    f"SELECT coalesce(sum(CASE WHEN state = 0 THEN 1 ELSE 0 END), 0) FROM (SELECT {STATE} AS state"  # noqa: S608
    + _WHO.format(topics=":topics", places=":places", whole_city=":whole_city")
    + ") AS matched"
).bindparams(bindparam("topics", expanding=True), bindparam("places", expanding=True))

NEXT_RANGE = text("""
    SELECT max(id) FROM (
        SELECT id FROM destination WHERE id > :lower ORDER BY id LIMIT :size) AS next_range
""")


def next_range(session: Session, lower: int, size: int) -> int | None:
    """The last of the next destinations; null where there are none."""
    return session.execute(NEXT_RANGE, {"lower": lower, "size": size}).scalar()


def plan(
    session: Session, notification: Notification, article: Article, lower: int, upper: int
) -> int:
    """Plan the destinations of a key range that asked for an article; returns how many."""
    return rows(session, MATCH, **asking(notification, article), lower=lower, upper=upper)


def asking(notification: Notification, article: Article) -> dict[str, object]:
    """What ASKED needs to know of a notification, beside the key range."""
    return {
        "notification": notification.id,
        "revision": article.shown_revision_id,
        "story": article.story_id,
        "article": article.id,
        "breaks": notification.breaks_at is not None,
    }


def count_told(
    session: Session, topic_ids: list[int], place_ids: list[int], story_id: int, article_id: int
) -> int:
    """How many would be sent a notification with these labels, were it planned now."""
    values = {"topics": topic_ids, "places": place_ids, "whole_city": not place_ids}
    values |= {"story": story_id, "article": article_id, "lower": 0, "upper": 2**62}
    values["breaks"] = False
    return int(session.execute(COUNT, values).scalar_one())
