"""The latest decisions of the review, with who made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.admin.review_acts import FOR_GOOD
from service.models import Article, ReviewDecision, Revision, Staff, Topic


@dataclass(frozen=True)
class Line:
    """One decision. `who` is the name in front of the address; `slug` is empty where it is about no
    topic, or one that is gone."""

    row: ReviewDecision
    who: str
    title: str
    topic: Topic | None

    @property
    def slug(self) -> str:
        return self.topic.slug if self.topic is not None else ""

    @property
    def can_be_undone(self) -> bool:
        return self.row.undone_at is None and self.row.decision not in FOR_GOOD


def latest(session: Session, before: int | None, limit: int) -> Sequence[Line]:
    """Those before a number, newest first."""
    return _lines(session, before, limit)


def one(session: Session, decision_id: int) -> Line | None:
    """A single one; null where there is none."""
    found = session.execute(_query().where(ReviewDecision.id == decision_id)).first()
    return None if found is None else _line(*found)


def _lines(session: Session, before: int | None, limit: int) -> list[Line]:
    query = _query().order_by(ReviewDecision.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ReviewDecision.id < before)
    return [_line(*found) for found in session.execute(query)]


def _query() -> Select[ReviewDecision, str, str, Topic]:
    return (
        select(ReviewDecision, Staff.email, Revision.title, Topic)
        .join(Staff, Staff.id == ReviewDecision.staff_id)
        .join(Article, Article.id == ReviewDecision.article_id)
        .outerjoin(Revision, Revision.id == Article.revision_id)
        .outerjoin(Topic, Topic.id == ReviewDecision.topic_id)
    )


def _line(row: ReviewDecision, email: str, title: str | None, topic: Topic | None) -> Line:
    return Line(row, email.partition("@")[0], title or "", topic)
