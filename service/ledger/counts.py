"""Counts of deliveries by outcome."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.models import DeliveryState

BY_ARTICLE = text("""
    SELECT v.state, count(*)
    FROM notification n JOIN delivery v ON v.notification_id = n.id
    WHERE n.article_id = :article
    GROUP BY v.state
""")  # primary key (notification_id, destination_id)


def outcome_counts(session: Session, article_id: int) -> dict[str, int]:
    """How many deliveries of an article's notifications are in each state, and `planned`, all."""
    found = {
        int(state): int(n) for state, n in session.execute(BY_ARTICLE, {"article": article_id})
    }
    counts = {state.word: found.get(state, 0) for state in DeliveryState}
    return {"planned": sum(counts.values()), **counts}
