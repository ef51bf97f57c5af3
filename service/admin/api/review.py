"""The review for programs: what waits, decisions, their undoing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin import review_acts, review_history
from service.admin.api.documented import described
from service.admin.api.entering import me, needs
from service.admin.api.paging import MOST, Page, PageQuery, cursor, key_of, next_page
from service.admin.api.refusals import problem_of
from service.admin.powers import Power
from service.admin.scope import topics_of_scope
from service.db import utcnow
from service.ledger.refused import Refused
from service.ledger.review import Question, waiting
from service.models import Decision
from service.pages import runtime

api = APIBlueprint("admin_review", __name__, url_prefix="/v1/admin/review", tag="Review")


class QueueQuery(BaseModel):
    """Which questions, and how many."""

    kind: Question | None = Field(None, description="One kind alone.")
    limit: int = Field(25, ge=1, le=MOST)


class QuestionOut(BaseModel):
    """One question; send `seen` back with the decision."""

    kind: Question
    article_id: int
    title: str
    topic: str | None
    score: float | None
    seen: str
    since: datetime
    damage: str | None = None
    readers: int = Field(0, description="How many of them doubt the topic, or miss it.")
    other_id: int | None = Field(None, description="The article that this one repeats.")
    evidence: list[dict[str, Any]] = Field(default_factory=list)


class DecisionIn(BaseModel):
    """What is decided about an article."""

    article_id: int = Field(ge=1, lt=2**63)
    decision: Decision
    topic: str | None = Field(None, max_length=64, description="For accept, reject and add.")
    seen: str | None = Field(
        None, max_length=40, description="That of the question; null decides whatever it is by now."
    )


class DecisionOut(BaseModel):
    """A decision that was made."""

    id: int
    article_id: int
    decision: Decision
    topic: str | None
    by: str
    at: datetime
    undone_at: datetime | None
    can_be_undone: bool


@api.get("")
@needs(Power.SEE)
@api.input(QueueQuery, location="query", arg_name="asked")
@api.doc(**described("List what waits for review", Page[QuestionOut]))
def list_questions(asked: QueueQuery) -> dict[str, Any]:
    """In turns, so that no kind hides another; there is no next page: decide, then ask again."""
    with runtime().db.read() as session:
        scope = topics_of_scope(session, me().staff_id)
        found = waiting(session, utcnow(), asked.limit, asked.kind, scope)
    items = [
        QuestionOut(
            kind=item.question,
            **{name: getattr(item, name) for name in QuestionOut.model_fields if name != "kind"},
        )
        for item in found
    ]
    return Page[QuestionOut](items=items).model_dump(mode="json")


@api.get("/decisions")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List decisions", Page[DecisionOut]))
def list_decisions(page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        lines = review_history.latest(session, before, page.limit + 1)
    shown = lines[: page.limit]
    last = cursor(shown[-1].row.id) if len(lines) > page.limit else None
    items = [_out(line) for line in shown]
    return Page[DecisionOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.post("/decisions")
@needs(Power.REVIEW)
@api.input(DecisionIn, arg_name="wanted")
@api.doc(**described("Decide", DecisionOut, 404, 409))
def decide(wanted: DecisionIn) -> dict[str, Any]:
    """Final, and followed to who is told; 409 says who was faster."""
    asked = review_acts.Wanted(wanted.article_id, wanted.decision, wanted.topic, wanted.seen)
    try:
        with runtime().db.write() as session:
            made = review_acts.decide(session, runtime().vault, me(), asked, utcnow())
            return _shown(session, made.decision.id)
    except Refused as error:
        raise problem_of(error) from error


@api.post("/decisions/<int:decision_id>/undo")
@needs(Power.REVIEW)
@api.doc(**described("Undo a decision", DecisionOut, 404, 409))
def undo(decision_id: int) -> dict[str, Any]:
    """The labels are again what they were; what was sent stays sent."""
    try:
        with runtime().db.write() as session:
            review_acts.undo(session, runtime().vault, me(), decision_id, utcnow())
            return _shown(session, decision_id)
    except Refused as error:
        raise problem_of(error) from error


def _shown(session: Any, decision_id: int) -> dict[str, Any]:
    line = review_history.one(session, decision_id)
    assert line is not None
    return _out(line).model_dump(mode="json")


def _out(line: review_history.Line) -> DecisionOut:
    return DecisionOut(
        id=line.row.id,
        article_id=line.row.article_id,
        decision=Decision(line.row.decision),
        topic=line.slug or None,
        by=line.who,
        at=line.row.at,
        undone_at=line.row.undone_at,
        can_be_undone=line.can_be_undone,
    )
