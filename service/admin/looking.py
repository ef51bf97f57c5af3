"""Looking somebody up: by exact address, recorded, limited, and shown under a token for a while.

Every look is in the log of acts with the keyed hash of the address, whether or not it is known.
The token names nobody: it is signed for one account of the staff and a quarter of an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.db import utcnow
from service.ledger.alarms import raise_alarm
from service.models import AlarmKind, AuditEntry
from service.runtime import Runtime
from service.subscriptions import office
from service.subscriptions.office import Found

LOOK, LOOK_SUPPRESSION = "subscriber.look", "suppression.look"
LOOK_DELIVERIES, LOOK_ARTICLE = "deliveries.search", "article.who"
LOOKS = (LOOK, LOOK_SUPPRESSION, LOOK_DELIVERIES, LOOK_ARTICLE)
AN_HOUR = "60 per hour"  # looks of one account; a counter at a town hall needs fewer
ALARM_AT, WITHIN = 100, timedelta(days=1)
SIGNED_FOR = "staff-person"
SHOWN_FOR = timedelta(minutes=15)


class TooManyLooks(Exception):
    """One account has looked up so many within an hour that it has to wait."""


def look_up(
    runtime: Runtime, actor: Actor, address: str, act: str = LOOK, object_id: int | None = None
) -> Found:
    """Find what is known under an exact address, and note that somebody looked.

    Raises:
        AddressError: the text is no address; nothing is noted.
        TooManyLooks: wait.
    """
    with runtime.db.read() as session:
        found = office.find(session, runtime.vault, address)
    if not runtime.limits.allow(AN_HOUR, f"staff-look:{actor.staff_id}"):
        raise TooManyLooks
    with runtime.db.write() as session:
        acts.record(
            session,
            runtime.vault,
            actor,
            act,
            object_id,
            subject=found.hashed,
            is_known=found.destination_id is not None,
        )
        _watch(session, actor.staff_id, utcnow())
    return found


def _watch(session: Session, staff_id: int, now: datetime) -> None:
    """Tell the others when one account looks up very many; this look is not among the counted."""
    some = (
        select(AuditEntry.id)
        .where(AuditEntry.staff_id == staff_id, AuditEntry.at > now - WITHIN)
        .where(AuditEntry.act.in_(LOOKS))
        .limit(ALARM_AT)
    )
    count = (session.scalar(select(func.count()).select_from(some.subquery())) or 0) + 1
    if count >= ALARM_AT:
        sentence = f"account {staff_id} of the staff has looked up {count} addresses within a day"
        raise_alarm(session, AlarmKind.MANY_LOOKS, staff_id, sentence, now)


def token_for(vault: Vault, actor: Actor, destination_id: int) -> str:
    """Under which somebody who was found is shown to the account that looked."""
    until = int((utcnow() + SHOWN_FOR).timestamp())
    return vault.token(SIGNED_FOR, destination_id, actor.staff_id, until)


def person_behind(vault: Vault, actor: Actor, token: str) -> int | None:
    """The destination that a token stands for; None for a text that is none of ours, is somebody
    else's, or is over."""
    numbers = vault.numbers(SIGNED_FOR, token, 3)
    if numbers is None or numbers[1] != actor.staff_id or numbers[2] < utcnow().timestamp():
        return None
    return numbers[0]
