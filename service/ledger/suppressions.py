"""Suppressions: who is not written to any more, and what lets them hear again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.models import Bounce, Destination, Suppression, SuppressionReason

MOST_COUNTED = 100_000  # of a reason
# What a person who confirms by a mailed link disproves: the mail has arrived.
OF_THE_MAILBOX = tuple(one.value for one in SuppressionReason if one.is_of_the_mailbox)


def suppress(
    session: Session, reason: SuppressionReason, evidence: Mapping[str, str], now: datetime
) -> None:
    """Suppress addresses by their hashes, each with its evidence; their subscriptions stay.

    What is suppressed already stays as it is, but for the word of its person (a complaint, a call
    to the office), which outweighs a mailbox that is full.
    """
    values = [
        {"address_hash": hashed, "reason": reason.value, "evidence": evidence[hashed], "at": now}
        for hashed in sorted(evidence)  # in order, so that two who do so at once do not deadlock
    ]
    if not values:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    new = dialect.insert(Suppression).values(values)
    if reason.is_of_the_mailbox:
        session.execute(new.on_conflict_do_nothing())
        return
    changed = {name: new.excluded[name] for name in ("reason", "evidence", "at")}
    weaker = Suppression.reason.in_(OF_THE_MAILBOX)
    session.execute(
        new.on_conflict_do_update(index_elements=["address_hash"], set_=changed, where=weaker)
    )


def lift(
    session: Session, address_hash: str, now: datetime, *, only_of_the_mailbox: bool = False
) -> bool:
    """Let an address hear again; False where it is not suppressed, or not for such a reason.

    The bounces up to now count for no other suppression.
    """
    lifted = delete(Suppression).where(Suppression.address_hash == address_hash)
    if only_of_the_mailbox:
        lifted = lifted.where(Suppression.reason.in_(OF_THE_MAILBOX))
    if session.scalar(lifted.returning(Suppression.address_hash)) is None:
        return False
    its = select(Destination.id).where(Destination.address_hash == address_hash)
    session.execute(
        update(Bounce)
        .where(Bounce.destination_id.in_(its), Bounce.forgiven_at.is_(None))
        .values(forgiven_at=now)
        .execution_options(synchronize_session=False)
    )
    return True


def add_by_hand(session: Session, address_hash: str, reason: str, now: datetime) -> bool:
    """Suppress an address whose person asked the office for it; False where their word is there
    already. It stands until staff lift it."""
    present = session.get(Suppression, address_hash, with_for_update=True)
    if present is not None and present.reason not in OF_THE_MAILBOX:
        return False
    suppress(session, SuppressionReason.ASKED, {address_hash: reason}, now)
    return True


def counts_by_reason(session: Session) -> Sequence[tuple[str, int]]:
    """How many are suppressed for each reason, read from `ix_suppression_reason` alone; beyond
    `MOST_COUNTED` they are counted no further."""
    counts = []
    for reason in sorted(SuppressionReason):
        of_it = select(Suppression.reason).where(Suppression.reason == reason)
        few = of_it.limit(MOST_COUNTED).subquery()
        if count := session.scalar(select(func.count()).select_from(few)):
            counts.append((str(reason), count))
    return counts


def newest(
    session: Session, limit: int, after: tuple[datetime, str] | None = None
) -> Sequence[Suppression]:
    """The last ones, newest first, from after one on (its time and its hash)."""
    key = (Suppression.at, Suppression.address_hash)
    query = select(Suppression).order_by(*(column.desc() for column in key)).limit(limit)
    if after is not None:
        at, hashed = after
        query = query.where(tuple_(*key) < (at, hashed.replace("\0", "")))  # PostgreSQL takes none
    return session.scalars(query).all()
