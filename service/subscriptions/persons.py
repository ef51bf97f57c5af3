"""A person in the database: all destinations that are theirs, and those they move to or from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import Destination, DestinationKind, OneTimeToken, TokenPurpose

FORGOTTEN = "forgotten:"  # begins the hash of a destination that was emptied


def person_of(session: Session, destination_id: int, *, lock: bool = False) -> list[Destination]:
    """All destinations of the person of one, in order of their ids; none once it is erased.

    A public channel is nobody's.
    """
    whose = select(Destination.subscriber_id).where(Destination.id == destination_id)
    query = (
        select(Destination)
        .where(
            (Destination.id == destination_id)
            | (Destination.subscriber_id == whose.scalar_subquery())
        )
        .where(Destination.channel_id.is_(None), Destination.kind != DestinationKind.WEBSUB)
        .where(is_known())
        .order_by(Destination.id)
    )
    query = query.with_for_update(of=Destination) if lock else query
    return list(session.scalars(query.execution_options(populate_existing=lock)))


def all_of(session: Session, destination_id: int, *, lock: bool = False) -> list[Destination]:
    """As `person_of`, with the addresses that this person was moving to, or has moved from."""
    ids = [one.id for one in person_of(session, destination_id)]
    query = (
        select(Destination)
        .where(Destination.id.in_([*ids, *_stand_ins(session, ids)]), is_known())
        .order_by(Destination.id)
    )
    query = query.with_for_update(of=Destination) if lock else query
    return list(session.scalars(query.execution_options(populate_existing=lock)))


def is_known() -> ColumnElement[bool]:
    """Not emptied yet."""
    return ~Destination.address_hash.startswith(FORGOTTEN, autoescape=True)


def _stand_ins(session: Session, ids: Sequence[int]) -> set[int]:
    """Destinations of the addresses that these move to, or have moved from.

    One that somebody has confirmed is theirs; one that has a link of its own, or to which somebody
    else moves, is left to retention.
    """
    is_move = OneTimeToken.purpose == TokenPurpose.MOVE
    is_open = OneTimeToken.used_at.is_(None) & (OneTimeToken.expires_at > utcnow())
    moves = session.scalars(
        select(OneTimeToken.payload).where(OneTimeToken.destination_id.in_(ids), is_move)
    )
    found = {move["by"] for move in moves}
    to_others = (
        session.scalars(
            select(OneTimeToken.payload)
            .where(OneTimeToken.destination_id.not_in(ids))
            .where(is_move, is_open)
        )
        if found
        else ()
    )
    found -= {move["by"] for move in to_others}
    own = select(OneTimeToken.id).where(OneTimeToken.destination_id == Destination.id, is_open)
    query = select(Destination.id).where(
        Destination.id.in_(found), Destination.verified_at.is_(None), ~own.exists()
    )
    return set(session.scalars(query))
