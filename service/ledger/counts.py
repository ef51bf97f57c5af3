"""Counts of deliveries by outcome: of the rows, and of what was archived before they went."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.models import DeliveryState, Notification

# Counted at one moment, in one statement: a notification that is archived meanwhile counts once.
BY_ARTICLE = text("""
    SELECT n.id, n.archived_at IS NOT NULL, v.state, count(v.destination_id)
    FROM notification n
    LEFT JOIN delivery v ON v.notification_id = n.id AND n.archived_at IS NULL
    WHERE n.article_id = :article
    GROUP BY n.id, n.archived_at, v.state
""")  # primary key (notification_id, destination_id)


def outcome_counts(session: Session, article_id: int) -> dict[str, int]:
    """How many deliveries of an article's notifications are in each state, and `planned`, all."""
    archived, found = [], Counter[str]()
    for id_, is_archived, state, count in session.execute(BY_ARTICLE, {"article": article_id}):
        if is_archived:
            archived.append(id_)
        elif state is not None:
            found[DeliveryState(state).word] += count
    if archived:  # final: whenever they are read, they are the same
        finals = select(Notification.final_counts).where(Notification.id.in_(archived))
        for final in session.scalars(finals):
            found.update(final or {})
    counts = {state.word: found[state.word] for state in DeliveryState}
    return {"planned": sum(counts.values()), **counts}
