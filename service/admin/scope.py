"""Scopes: some of the staff decide only about articles of certain topics."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.ledger.refused import N_, Refused
from service.models import Article, HaltScope, LabelState, Staff, StaffTopic, TopicLabel


class OutOfScope(Refused):
    """The person decides about other topics only."""


def topics_of_scope(session: Session, staff_id: int) -> frozenset[int]:
    """The topics that somebody's decisions are limited to; none: they are not limited."""
    found = select(StaffTopic.topic_id).where(StaffTopic.staff_id == staff_id)
    return frozenset(session.scalars(found))


def may_decide(session: Session, staff_id: int, topic_ids: Collection[int]) -> bool:
    """Whether somebody may decide about what has these topics: nobody without a row is limited,
    and whoever is decides about what has one of their topics."""
    scope = topics_of_scope(session, staff_id)
    return not scope or not scope.isdisjoint(topic_ids)


def topic_ids_of(session: Session, article: Article) -> list[int]:
    """The topics of an article's text of now, those in review too."""
    return list(
        session.scalars(
            select(TopicLabel.topic_id)
            .where(TopicLabel.revision_id.in_((article.revision_id, article.shown_revision_id)))
            .where(TopicLabel.state != LabelState.DROPPED)
        )
    )


def require_scope(session: Session, staff_id: int, article: Article) -> None:
    """Refuse who decides about other topics.

    Raises:
        OutOfScope: the article has none of theirs.
    """
    if not may_decide(session, staff_id, topic_ids_of(session, article)):
        raise OutOfScope(N_("This article has none of the topics that you decide about."))


def require_no_scope(session: Session, staff_id: int) -> None:
    """Refuse who is limited: it is about articles of all topics.

    Raises:
        OutOfScope: they are.
    """
    if topics_of_scope(session, staff_id):
        raise OutOfScope(N_("You decide about other topics only"))


def require_reach(session: Session, staff_id: int, scope: HaltScope, object_id: int) -> None:
    """Refuse a pause or cancel of what is not of the person's topics alone.

    Raises:
        OutOfScope: why not.
    """
    if scope == HaltScope.ARTICLE:
        require_scope(session, staff_id, session.get_one(Article, object_id))
    elif scope != HaltScope.TOPIC or not may_decide(session, staff_id, (object_id,)):
        require_no_scope(session, staff_id)


def limit(session: Session, staff: Staff, topic_ids: Collection[int]) -> None:
    """Limit somebody to these topics; to none of them: to nothing, so to all."""
    session.execute(delete(StaffTopic).where(StaffTopic.staff_id == staff.id))
    session.add_all(StaffTopic(staff_id=staff.id, topic_id=one) for one in sorted(topic_ids))
    session.flush()
