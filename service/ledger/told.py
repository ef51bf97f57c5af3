"""What a destination knows of an article: SQL that planning and sending share.

`o` is a delivery about the article, `e` its notification, `l` another delivery to the same one.
"""

from __future__ import annotations

TELLS = "(o.state IN (1, 4) OR o.maybe_revision_id IS NOT NULL)"
# Told, or going to be: what waits of a notification that was stopped will be cancelled.
HEARS = f"({TELLS} OR o.state IN (0, 2) AND e.stopped_at IS NULL)"


def still_hears(article: str) -> str:
    """The same, but for who no longer asks to be told of an article (an SQL value) at once: what
    waits for them will be suppressed."""
    return f"""({TELLS} OR o.state IN (0, 2) AND e.stopped_at IS NULL
        AND (e.kind NOT IN ('new', 'summary') OR e.breaks_at IS NOT NULL OR EXISTS (
            SELECT 1 FROM subscription w
            WHERE w.destination_id = o.destination_id AND w.ended_at IS NULL
              AND w.frequency = 'instant'
              AND (w.topic_id IS NULL OR w.topic_id IN (
                  SELECT q.topic_id FROM article z
                  JOIN topic_label q ON q.revision_id = z.shown_revision_id
                  WHERE z.id = {article} AND q.state = 'published')))))"""  # noqa: S608


LATER = """(l.state IN (0, 2)
            OR l.notification_id > o.notification_id
            AND (l.state IN (1, 4) OR l.maybe_revision_id IS NOT NULL))"""

# The text that the destination of a delivery `v` has for sure, by itself or by an item; null where
# that is none. One look at a primary key for each notification of the article: SQLite keeps the
# order of a CROSS JOIN; left to itself it reads all that the destination was ever told.
HAS_REVISION = f"""(
    SELECT t.revision_id FROM (
        SELECT e.id, CASE WHEN e.kind <> 'withdrawal'
                               AND coalesce(o.maybe_revision_id, o.revision_id) = o.revision_id
                          THEN o.revision_id END AS revision_id
        FROM notification e CROSS JOIN delivery o
        WHERE e.article_id = n.article_id AND e.id < n.id
          AND o.notification_id = e.id AND o.destination_id = v.destination_id AND {TELLS}
        UNION ALL
        SELECT i.notification_id, i.revision_id
        FROM digest_article g CROSS JOIN digest_item i CROSS JOIN delivery o
        WHERE g.article_id = n.article_id AND g.notification_id < n.id
          AND i.notification_id = g.notification_id AND i.destination_id = v.destination_id
          AND i.article_id = g.article_id AND i.revision_id IS NOT NULL
          AND o.notification_id = i.notification_id
          AND o.destination_id = i.destination_id AND {TELLS}) AS t
    ORDER BY t.id DESC LIMIT 1)"""  # noqa: S608

# Whoever hears, by an item of one of these digests or summaries, of one of these articles.
HEARD_IN_DIGEST = f"""
    SELECT 1 FROM digest_item i
    JOIN notification e ON e.id = i.notification_id
    JOIN delivery o ON o.notification_id = i.notification_id
                   AND o.destination_id = i.destination_id
    WHERE i.notification_id IN :digests AND i.destination_id = d.id
      AND i.article_id IN :tellings AND i.revision_id IS NOT NULL AND {HEARS}"""  # noqa: S608
