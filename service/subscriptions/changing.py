"""Changing what a person asks for, on their own page, without losing or doubling any news.

A subscription is not rewritten: it ends as "changed", and another one begins at the same moment, so
that the ledger's reasons stay true. What is queued by the old frequency and has not left is
suppressed when it is looked at again, which is not "told": a summary may bring it. What a summary
still owes is marked by `changed_from` on the new row. The decision and its table: docs/adr/0019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import ConsentAct, Destination, Frequency, Place, Subscription, Topic
from service.subscriptions.endings import CHANGED, ON_PAGE, end_rows, record, with_successors


@dataclass(frozen=True)
class Group:
    """Live subscriptions to one topic that differ in their district alone, as a person sees them.

    No topic: all topics. No places: the whole city.
    """

    ids: tuple[int, ...]
    topic_id: int | None
    place_ids: tuple[int, ...] | None
    frequency: Frequency
    is_local_only: bool
    since: datetime


@dataclass(frozen=True)
class Asking:
    """What a group shall ask for from now on; no places: the whole city."""

    place_ids: tuple[int, ...] | None
    frequency: Frequency
    is_local_only: bool = False


def groups(session: Session, destination_id: int) -> list[Group]:
    """All that a destination asks for, in the order of topics and districts."""
    rows = session.scalars(
        select(Subscription)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .outerjoin(Place, Place.id == Subscription.place_id)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .order_by(
            Subscription.topic_id.is_not(None),
            Topic.position,
            Topic.id,
            Subscription.place_id.is_not(None),
            Subscription.frequency,
            Subscription.is_local_only,
            Place.position,
            Subscription.id,
        )
    )
    return [_group(list(of_one)) for _, of_one in groupby(rows, _sort_of)]


def group_of(session: Session, destination_id: int, subscription_id: int) -> Group | None:
    """The live group that holds a subscription of this destination, or what took its place: a form
    may be sent twice. None for one that has ended, and for anybody else's."""
    named = {row.id for row in with_successors(session, destination_id, subscription_id)}
    found = groups(session, destination_id) if named else []
    return next((one for one in found if named.intersection(one.ids)), None)


def change(session: Session, destination: Destination, subscription_id: int, to: Asking) -> bool:
    """Let a group ask for something else; False where it has ended, or is nobody's of theirs.

    Safe twice: what is asked for already stays as it is. The caller owns the transaction.
    """
    session.refresh(destination, with_for_update=True)  # changes of one person stand in a line
    group = group_of(session, destination.id, subscription_id)
    if group is None:
        return False
    now = utcnow()
    before = session.get_one(Subscription, group.ids[0])
    wanted: Sequence[int | None] = [None] if to.place_ids is None else to.place_ids
    frequency, is_local = to.frequency, to.is_local_only and to.place_ids is not None
    begun = [
        row
        for place_id in wanted
        if (
            row := want(
                session, destination.id, group.topic_id, place_id, frequency, is_local, now, before
            )
        )
    ]
    had: Sequence[int | None] = [None] if group.place_ids is None else group.place_ids
    is_elsewhere = not set(had) & set(wanted)
    gone = end_rows(
        session,
        destination.id,
        CHANGED if is_elsewhere else ON_PAGE,
        now,
        Subscription.id.in_(group.ids),
        ~_asks_for(wanted),
    )
    if begun:
        record(session, destination.id, ConsentAct.CONFIRMED, CHANGED, begun)
    if gone:
        record(session, destination.id, ConsentAct.WITHDRAWN, ON_PAGE, gone)
    return True


def want(
    session: Session,
    destination_id: int,
    topic_id: int | None,
    place_id: int | None,
    frequency: Frequency,
    is_local_only: bool,
    now: datetime,
    before: Subscription | None = None,
) -> Subscription | None:
    """Let one live subscription ask for a topic and place in this way; returns one that has begun.

    None: the live one asks so already, or was ended by its person at this very moment. `before`:
    the one that this takes the place of, where no live one asks for the same place. The caller
    holds the destination's row.
    """
    live = session.scalars(
        select(Subscription)
        .where(Subscription.destination_id == destination_id, Subscription.ended_at.is_(None))
        .where(Subscription.topic_id.is_not_distinct_from(topic_id))
        .where(Subscription.place_id.is_not_distinct_from(place_id))
    ).first()
    if live is not None:
        if (live.frequency, live.is_local_only) == (frequency, is_local_only):
            return None
        if not end_rows(session, destination_id, CHANGED, now, Subscription.id == live.id):
            return None
    new = Subscription(
        destination_id=destination_id,
        topic_id=topic_id,
        place_id=place_id,
        frequency=frequency,
        is_local_only=is_local_only,
        created_at=now,
        changed_from=owed(live or before, frequency),
    )
    session.add(new)
    session.flush()
    return new


def owed(before: Subscription | None, frequency: Frequency) -> Frequency | None:
    """The summary that still owes what came up to now; a chain of changes forgets it not."""
    if before is None:
        return None
    is_summary = before.frequency != Frequency.INSTANT
    owes = before.frequency if is_summary else before.changed_from
    return owes if owes != frequency else None


def _asks_for(places: Sequence[int | None]) -> ColumnElement[bool]:
    if None in places:
        return Subscription.place_id.is_(None)
    return Subscription.place_id.is_not(None) & Subscription.place_id.in_(places)


def _sort_of(row: Subscription) -> tuple[object, ...]:
    return row.topic_id, row.place_id is None, row.frequency, row.is_local_only


def _group(rows: list[Subscription]) -> Group:
    first = rows[0]
    places = tuple(row.place_id for row in rows if row.place_id is not None)
    return Group(
        ids=tuple(row.id for row in rows),
        topic_id=first.topic_id,
        place_ids=places or None,
        frequency=Frequency(first.frequency),
        is_local_only=first.is_local_only,
        since=min(row.created_at for row in rows),
    )
