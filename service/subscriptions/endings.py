"""How subscriptions end, and how the consent ledger hears of it.

A row is never deleted by an end, so that the ledger's reasons stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from service.ledger.canary import is_canary
from service.models import Consent, ConsentAct, Destination, Subscription

ONE_CLICK = "one-click"
EVERYTHING = "everything"
ON_PAGE = "my page"
BY_STAFF = "staff"
UNDONE = "import undone"
CHANGED = "changed"  # another one has begun in its place, at the same moment


def end_rows(
    session: Session,
    destination_id: int,
    reason: str,
    now: datetime,
    *only: ColumnElement[bool],
) -> list[Subscription]:
    """End those of a destination's live subscriptions, by compare-and-set, and return them.

    What the email canary asks for is ended by the settings alone: whoever opens the city's mailbox
    may press any link, and so may a program that scans it.
    """
    statement = (
        update(Subscription)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .where(*only, ~is_canary(destination_id).exists())
        .values(ended_at=now, end_reason=reason)
        .returning(Subscription)
    )
    return list(session.scalars(statement))


def row_of(session: Session, destination_id: int, subscription_id: int) -> Subscription | None:
    """A subscription of this destination, live or not; None for anybody else's, and for a number
    that no key can be."""
    row = session.get(Subscription, subscription_id) if 0 < subscription_id < 2**63 else None
    return row if row is not None and row.destination_id == destination_id else None


def with_successors(
    session: Session, destination_id: int, subscription_id: int
) -> list[Subscription]:
    """A subscription of this destination and what took its place since, by changes; newest last."""
    first = row_of(session, destination_id, subscription_id)
    found = [] if first is None else [first]
    for row in found:  # grows while it is walked; each change is later than the one before
        if row.end_reason == CHANGED:
            begun = session.scalars(
                select(Subscription)
                .where(Subscription.destination_id == destination_id)
                .where(Subscription.topic_id.is_not_distinct_from(row.topic_id))
                .where(Subscription.created_at == row.ended_at)
                .order_by(Subscription.id)
            ).all()
            same = [one for one in begun if one.place_id == row.place_id]
            found += [one for one in same or begun if one not in found]
    return found


def record(
    session: Session,
    destination_id: int,
    act: ConsentAct,
    origin: str,
    rows: Sequence[Subscription],
) -> None:
    """Write an act about these subscriptions into the consent ledger."""
    destination = session.get_one(Destination, destination_id)
    session.add(
        Consent(
            address_hash=destination.address_hash,
            act=act,
            language=destination.language,
            origin=origin,
            how=origin,
            choices=[choice_of(row) for row in rows],
        )
    )


def choice_of(row: Subscription) -> dict[str, object]:
    """A subscription as the consent ledger has it."""
    return {
        "topic": row.topic_id,
        "place": row.place_id,
        "frequency": str(row.frequency),
        "local_only": row.is_local_only,
    }
