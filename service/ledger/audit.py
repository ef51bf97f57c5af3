"""The audit of the ledger: does it add up (invariant 7), and is no work without an owner?"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Finding:
    """One way in which the ledger does not add up."""

    rule: str
    object_id: int
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: #{self.object_id}, {self.detail}"


# Text that both databases read as JSON, and back as numbers.
FINAL = """coalesce((SELECT sum(CAST(CAST(value AS text) AS bigint))
                     FROM json_each(n.final_counts)), 0)"""

_STATES = ("queued", "sent", "deferred", "rejected", "unknown", "suppressed", "cancelled")
_SUMS = ", ".join(
    f"sum(CASE WHEN state = {number} THEN 1 ELSE 0 END) AS {word}"
    for number, word in enumerate(_STATES)
)
_DIFFER = " OR ".join(f"t.{word} <> coalesce(v.{word}, 0)" for word in _STATES)

# Each query returns (id, detail) of what breaks the rule; no row means that the rule holds.
RULES: dict[str, str] = {
    "planned is not the sum of the outcomes of notification": """
        SELECT n.id, 'planned ' || n.planned || ', rows ' || count(v.destination_id)
        FROM notification n LEFT JOIN delivery v ON v.notification_id = n.id
        WHERE n.archived_at IS NULL
        GROUP BY n.id, n.planned
        HAVING n.planned <> count(v.destination_id)
    """,
    "planned is not the sum of the final counts of notification": f"""
        SELECT id, 'planned ' || planned || ', counted ' || {FINAL}
        FROM notification n
        WHERE archived_at IS NOT NULL AND planned <> {FINAL}
    """,  # noqa: S608
    "final counts without an end, or an end without them, notification": """
        SELECT id, state FROM notification
        WHERE (archived_at IS NULL) <> (final_counts IS NULL)
           OR archived_at IS NOT NULL AND state NOT IN ('done', 'cancelled')
           OR archived_at IS NULL AND cleared_at IS NOT NULL
    """,
    "rows of what is archived that should be gone, or never were, notification": """
        SELECT n.id, count(*) || ' rows'
        FROM notification n JOIN delivery v ON v.notification_id = n.id
        WHERE n.archived_at IS NOT NULL
        GROUP BY n.id, n.cleared_at, n.planned
        HAVING n.cleared_at IS NOT NULL OR count(*) > n.planned
            OR sum(CASE WHEN v.state IN (0, 2) THEN 1 ELSE 0 END) > 0
    """,
    "batches of what is cleared, notification": """
        SELECT n.id, count(*) || ' batches'
        FROM notification n JOIN batch b ON b.notification_id = n.id
        WHERE n.cleared_at IS NOT NULL
        GROUP BY n.id
    """,
    "the sums of all days are not what was archived, of any notification": """
        SELECT 0, 'in days ' || d.total || ', archived ' || n.total
        FROM (SELECT coalesce(sum(count), 0) AS total FROM delivery_day) d,
             (SELECT coalesce(sum(planned), 0) AS total FROM notification
              WHERE archived_at IS NOT NULL) n
        WHERE d.total <> n.total
    """,
    "the final tally is not what the rows say, notification": f"""
        SELECT t.notification_id, 'counted ' || (t.{" + t.".join(_STATES)})
        FROM tally t JOIN notification n ON n.id = t.notification_id
        LEFT JOIN (SELECT notification_id, {_SUMS} FROM delivery GROUP BY notification_id) v
               ON v.notification_id = t.notification_id
        WHERE n.state IN ('done', 'cancelled')
          AND n.tallied_end = coalesce(n.done_at, n.stopped_at, n.created_at)
          AND ({_DIFFER})
    """,  # noqa: S608
    "a tally of what is archived, notification": """
        SELECT n.id, n.state FROM notification n JOIN tally t ON t.notification_id = n.id
        WHERE n.archived_at IS NOT NULL
    """,
    "the sums of all days are not the tallies, of any notification": f"""
        SELECT 0, 'in days ' || d.total || ', in tallies ' || t.total
        FROM (SELECT coalesce(sum(count), 0) AS total FROM tally_day) d,
             (SELECT coalesce(sum({" + ".join(_STATES)}), 0) AS total FROM tally) t
        WHERE d.total <> t.total
    """,  # noqa: S608
    "queued deliveries without an open batch, notification": """
        SELECT v.notification_id, count(*) || ' rows'
        FROM delivery v LEFT JOIN batch b ON b.id = v.batch_id AND b.state < 2
        WHERE v.state = 0 AND b.id IS NULL
        GROUP BY v.notification_id
    """,
    "finished, yet with open deliveries, notification": """
        SELECT n.id, count(*) || ' rows'
        FROM notification n JOIN delivery v ON v.notification_id = n.id AND v.state IN (0, 2)
        WHERE n.state = 'done'
        GROUP BY n.id
    """,
    "sent without the revision that was sent, notification": """
        SELECT n.id, count(*) || ' rows'
        FROM notification n JOIN delivery v ON v.notification_id = n.id
        WHERE n.article_id IS NOT NULL AND v.state = 1 AND v.revision_id IS NULL
        GROUP BY n.id
    """,
    "a digest that told nothing, or whose told text nobody kept, notification": """
        SELECT n.id, count(*) || ' letters'
        FROM notification n JOIN delivery v ON v.notification_id = n.id AND v.state = 1
        WHERE n.kind IN ('digest', 'summary') AND n.archived_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM digest_item i
            WHERE i.notification_id = v.notification_id
              AND i.destination_id = v.destination_id AND i.revision_id IS NOT NULL)
        GROUP BY n.id
    """,
    "items of a digest that nobody was to get, notification": """
        SELECT i.notification_id, count(*) || ' items'
        FROM digest_item i
        LEFT JOIN notification n ON n.id = i.notification_id
        LEFT JOIN delivery v ON v.notification_id = i.notification_id
                            AND v.destination_id = i.destination_id
        WHERE v.destination_id IS NULL OR n.kind NOT IN ('digest', 'summary')
        GROUP BY i.notification_id
    """,
    "a digest's run whose notification is none, run": """
        SELECT g.id, g.frequency || ' of ' || g.day
        FROM digest_run g JOIN notification n ON n.id = g.notification_id
        WHERE n.kind <> 'digest'
    """,
    "deferred without a time to try again, notification": """
        SELECT notification_id, count(*) || ' rows'
        FROM delivery WHERE state = 2 AND due_at IS NULL
        GROUP BY notification_id
    """,
}


def audit(session: Session) -> list[Finding]:
    """Check every rule; an empty list means that the ledger adds up."""
    return [
        Finding(rule, int(object_id), str(detail))
        for rule, query in RULES.items()
        for object_id, detail in session.execute(text(query))
    ]
