"""One-time tokens: made for a mailed link, used once by compare-and-set, over at their time.

Whoever looks at a link learns what it would do; only `use` changes anything.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.models import Destination, OneTimeToken, TokenPurpose


class LinkState(StrEnum):
    """What a mailed link is, or what it has become by being used."""

    OPEN = "open"
    DONE = "done"  # by this very act
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # we did not sign it


def issue(
    session: Session,
    destination_id: int,
    purpose: TokenPurpose,
    within: timedelta,
    payload: dict[str, Any] | None = None,
) -> OneTimeToken:
    """Make a token; the letter that carries it names its number."""
    token = OneTimeToken(
        purpose=purpose,
        destination_id=destination_id,
        payload=payload or {},
        expires_at=utcnow() + within,
    )
    session.add(token)
    session.flush()
    return token


def look(
    session: Session, vault: Vault, purpose: TokenPurpose, signed_for: str, text: str
) -> tuple[LinkState, OneTimeToken | None]:
    """Say what the link of a letter is. Changes nothing (invariant 9).

    `signed_for`: the purpose that the text was signed for; one token may have several links.
    """
    numbers = vault.numbers(signed_for, text, 1)
    if numbers is None:
        return LinkState.UNKNOWN, None
    row = session.get(OneTimeToken, numbers[0])
    if row is None or row.purpose != purpose:
        return LinkState.EXPIRED, None  # authentic, so retention has taken it
    if row.used_at is not None:
        return LinkState.USED, row
    return (LinkState.OPEN if row.expires_at > utcnow() else LinkState.EXPIRED), row


def lock_of(session: Session, *which: ColumnElement[bool]) -> Destination | None:
    """Lock the destination of a token; None where there is no such token.

    A destination is locked before its tokens change, whatever is done: then two acts at once wait
    for each other, and never both.
    """
    its = select(OneTimeToken.destination_id).where(*which).scalar_subquery()
    query = select(Destination).where(Destination.id == its).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def use(session: Session, token: OneTimeToken) -> bool:
    """Use a token; False: somebody else has, or it is over. Of callers at once one is let through.

    `token` is only read, and may be older than what the database says.
    """
    now = utcnow()
    used = session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.id == token.id)
        .where(OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > now)
        .values(used_at=now)
        .returning(OneTimeToken.id)
        .execution_options(synchronize_session=False)
    )
    return used.first() is not None


def end(session: Session, *which: ColumnElement[bool]) -> bool:
    """End the open tokens of these; True where there were some."""
    now = utcnow()
    ended = session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > now, *which)
        .values(expires_at=now)
        .returning(OneTimeToken.id)
        .execution_options(synchronize_session=False)
    )
    return bool(ended.all())
