"""What staff do in the review."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.ledger.labels import label_as_it_is
from service.ledger.review import Question
from service.models import (
    Decision,
    LabelOrigin,
    LabelState,
    ReviewDecision,
    Staff,
    TopicLabel,
)
from service.runtime import Runtime
from tests.integration.admin.examples import Example
from tests.integration.town import TOPIC, Town


def asked(runtime: Runtime) -> dict[str, Any]:
    """An article whose one label waits for review."""
    Town(runtime).article()
    with runtime.db.write() as session:
        session.query(TopicLabel).update({"state": LabelState.REVIEW, "score": 0.4})
    return {}


def decided(runtime: Runtime) -> dict[str, Any]:
    """The same, accepted."""
    asked(runtime)
    now = utcnow()
    with runtime.db.write() as session:
        label = session.scalars(select(TopicLabel)).one()
        row = ReviewDecision(
            staff_id=session.scalars(select(Staff.id).limit(1)).one(),
            article_id=1,
            topic_id=label.topic_id,
            decision=Decision.ACCEPT,
            before=[label_as_it_is(label, label.topic_id)],
            at=now,
        )
        session.add(row)
        label.state, label.origin = LabelState.PUBLISHED, LabelOrigin.STAFF
        label.decided_at = now
    return {"decision_id": row.id}


YES = {"article": "1", "topic": TOPIC, "decision": "accept", "seen": "review-classifier"}
EXAMPLES = {
    "review.decide": Example("review.accept", YES, asked),
    "review.undo": Example("review.undo", {"decision": "1"}, decided),
    "admin_review.decide": Example(
        "review.reject", {"article_id": 1, "decision": "reject", "topic": TOPIC}, asked
    ),
    "admin_review.undo": Example("review.undo", {}, decided),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "review.index": ({}, *({"kind": kind} for kind in Question)),
    "review.one": ({}, *({"kind": kind} for kind in Question)),
    "admin_review.list_questions": ({}, *({"kind": kind} for kind in Question)),
}
