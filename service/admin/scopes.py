"""Topics that somebody's decisions are limited to. Who has no row is not limited."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.models import Staff, StaffTopic


def may_decide(session: Session, staff_id: int, topic_id: int) -> bool:
    """Whether this person's decisions reach this topic.

    For every act that decides about one: accept, reject or add a label, hold, release, withdraw,
    correct an article of that topic, edit its terms. Ask beside the power, in the transaction that
    acts: pages by `access.may_decide(session, topic_id)`, programs by
    `api.entering.may_decide(session, topic_id)`; answer 403 where it says no. Where an act is about
    an article with several topics, one that the person may decide about is enough.
    """
    limits = limited_to(session, staff_id)
    return not limits or topic_id in limits


def limited_to(session: Session, staff_id: int) -> frozenset[int]:
    """The topics that somebody is limited to; empty: all, and those that will come."""
    query = select(StaffTopic.topic_id).where(StaffTopic.staff_id == staff_id)
    return frozenset(session.scalars(query))


def limit(session: Session, staff: Staff, topic_ids: Collection[int]) -> None:
    """Limit somebody to these topics; to none of them: to nothing, so to all."""
    session.execute(delete(StaffTopic).where(StaffTopic.staff_id == staff.id))
    session.add_all(StaffTopic(staff_id=staff.id, topic_id=one) for one in sorted(topic_ids))
    session.flush()
