"""Suppressions: who is not written to any more, and what lets them hear again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.models import Bounce, Destination, Suppression, SuppressionReason

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
